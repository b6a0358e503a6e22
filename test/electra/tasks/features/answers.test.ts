import { describe, expect, it } from 'vitest'
import { beamCandidates, predictAnswer } from '../../../../src/electra/tasks/features/answers.js'
import { questionWindows, type EncodedQuestion } from '../../../../src/electra/tasks/features/question-windows.js'
import { projectText } from '../../../../src/electra/tasks/features/text-projection.js'
import { bert, wordsOf } from './cases.js'

const cat = bert.idOf.get('cat') ?? 0

/** A context of this many cats, a piece each. */
const cats = (n: number): EncodedQuestion => ({
  id: 'q',
  question: [cat],
  words: Array.from({ length: n }, () => 'cat'),
  wordAt: new Int32Array(0),
  pieces: Array.from({ length: n }, () => cat),
  wordOf: Array.from({ length: n }, (_, i) => i),
  answer: []
})

describe('a piece in two windows', () => {
  it('is judged in the longer one where that shows one piece less around it, and is longer by over a hundred', () => {
    // Windows of 384 and 257 pieces: 0.01 * 127 is more than 1.
    const [first, second] = questionWindows(bert.special, { length: 388, queryLength: 64, stride: 128 })(cats(385))
    expect([first.count, second.count]).toEqual([384, 257])
    expect(first.hasMaxContext.every((has) => has)).toBe(true)
    expect(second.hasMaxContext.lastIndexOf(false)).toBe(255)
  })
})

describe('an answer', () => {
  const question = cats(40)
  const [window] = questionWindows(bert.special, { length: 64, queryLength: 64, stride: 128 })(question)
  const options = { nBest: 2, longestAnswer: 30, pieces: bert.pieces, wordsOf }
  const answer = (...spans: ReadonlyArray<readonly [start: number, end: number, score: number]>) => {
    const candidates = spans.map(([start, end, score]) => ({ start, end, score }))
    return predictAnswer(options)(question, [{ window, candidates, nullScore: 3 }])
  }

  it('has at most the longest number of pieces, starts in the text and does not end before it starts', () => {
    expect(window.offset).toBe(3)
    expect(answer([3, 32, 1]).text.split(' ').length).toBe(30)
    for (const [start, end] of [
      [3, 33],
      [0, 0],
      [1, 4],
      [2, 4],
      [5, 4],
      [42, 43]
    ])
      expect(answer([start, end, 1])).toMatchObject({ text: 'empty', nBest: [{ text: 'empty', score: 0 }] })
  })

  it('is the best scored; of equal texts the first is kept, and no more than asked for', () => {
    expect(answer([3, 4, 1], [5, 5, 4], [6, 6, 3], [3, 5, 0])).toMatchObject({
      text: 'cat',
      nullScore: 3,
      nBest: [
        { text: 'cat', score: 4 },
        { text: 'cat cat', score: 1 }
      ]
    })
  })

  it('has the null score of the row that is least sure of having none', () => {
    const rows = [2, -1, 5].map((nullScore) => ({ window, candidates: [], nullScore }))
    expect(predictAnswer(options)(question, rows).nullScore).toBe(-1)
  })
})

describe('the spans of a beam', () => {
  it('are every start with each of its own ends', () => {
    expect(
      beamCandidates({
        starts: [5, 7],
        startLogProbs: [-1, -2],
        ends: [5, 6, 7, 9],
        endLogProbs: [-0.5, -4, -0.25, -8]
      })
    ).toEqual([
      { start: 5, end: 5, score: -1.5 },
      { start: 5, end: 6, score: -5 },
      { start: 7, end: 7, score: -2.25 },
      { start: 7, end: 9, score: -10 }
    ])
  })
})

describe('predicted pieces', () => {
  const project = projectText(wordsOf)

  it.each([
    ['steve smith', "Steve Smith's,", 'Steve Smith'],
    ['angstrom', '(Ångström)', 'Ångström'],
    ['cat', 'a\u200bb cat', 'a\u200bb cat'],
    ['dog', 'the Cat', 'the Cat'],
    ['😀', '😀, 😀', '😀']
  ])('%s in %s are %s', (predicted, original, expected) => {
    expect(project(predicted, original)).toBe(expected)
  })
})
