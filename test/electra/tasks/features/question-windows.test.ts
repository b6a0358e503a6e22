import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { contextWords } from '../../../../src/electra/tasks/features/context-words.js'
import { predictAnswer } from '../../../../src/electra/tasks/features/answers.js'
import {
  answerSpan,
  encodeQuestions,
  questionWindows,
  tightened,
  trainingWindows,
  type EncodedQuestion,
  type Question
} from '../../../../src/electra/tasks/features/question-windows.js'
import { right, rightOf } from '../../data/right.js'
import { bert, text, tokenizer, word, wordsOf } from './cases.js'

const options = { length: 16, queryLength: 5, stride: 4 }
const { special } = bert

const encoded = async (question: Question): Promise<EncodedQuestion> =>
  (await rightOf(encodeQuestions(tokenizer)([question])))[0]

const asking = (context: string, answer: string, before: string): Question => ({
  id: 'q',
  question: 'What is it called, and why?',
  context,
  answers: [{ text: answer, start: Array.from(before).length }],
  isImpossible: false
})

/** A context with an answer of whole words in it. */
const questions = fc
  .record({ before: text(0, 12), answer: fc.array(word, { minLength: 1, maxLength: 3 }), after: text(0, 12) })
  .map(({ before, answer, after }) => asking(`${before}${answer.join(' ')} ${after}`, answer.join(' '), before))

describe('the words of a context', () => {
  it('stand between spaces, tabs, line ends and U+202F; code points are counted', () => {
    expect(contextWords(' a\u202f😀b\u00a0c\n\nd')).toEqual({
      words: ['a', '😀b\u00a0c', 'd'],
      wordAt: Int32Array.of(-1, 0, 0, 1, 1, 1, 1, 1, 1, 2)
    })
  })
})

describe('the windows of a question', () => {
  it('show every piece, in rows that fit, and each piece has its best surroundings in one of them', async () => {
    await fc.assert(
      fc.asyncProperty(questions, async (question) => {
        const q = await encoded(question)
        const windows = questionWindows(special, options)(q)
        const best = q.pieces.map(() => 0)
        for (const { ids, types, from, count, offset, hasMaxContext } of windows) {
          expect(ids.length).toBeLessThanOrEqual(options.length)
          expect(ids.slice(0, offset)).toEqual([special.cls, ...q.question.slice(0, 5), special.sep])
          expect(ids.slice(offset)).toEqual([...q.pieces.slice(from, from + count), special.sep])
          expect(types).toEqual(ids.map((_, i) => (i < offset ? 0 : 1)))
          hasMaxContext.forEach((has, i) => {
            if (has) best[from + i] += 1
          })
        }
        expect(best).toEqual(q.pieces.map(() => 1))
        windows.forEach(({ from }, i) => expect(from).toBe(i * options.stride))
        const last = windows.at(-1)
        expect((last?.from ?? 0) + (last?.count ?? 0)).toBe(q.pieces.length)
      }),
      { numRuns: 40 }
    )
  })

  it('are none where the context has no pieces, and refused where nothing fits', async () => {
    const q = await encoded(asking(' ', '', ''))
    expect(questionWindows(special, options)(q)).toEqual([])
    expect(() => questionWindows(special, { ...options, length: 8 })(q)).toThrow(/at least 9/)
  })
})

describe('an answer', () => {
  it('in a row that holds it is given back as text, whatever the spaces and the case', async () => {
    await fc.assert(
      fc.asyncProperty(questions, async (question) => {
        const q = await encoded(question)
        const windows = right(trainingWindows(special, options)(question, q))
        const span = right(answerSpan(question, q))
        for (const { target, ...window } of windows) {
          const isInside = span.start >= window.from && span.end < window.from + window.count
          expect(target.start === 0 && target.end === 0).toBe(!isInside)
          if (!isInside) continue
          expect(window.ids.slice(target.start, target.end + 1)).toEqual(q.pieces.slice(span.start, span.end + 1))
          const row = { ...window, hasMaxContext: window.hasMaxContext.map(() => true) }
          const { text: found } = predictAnswer({ nBest: 20, longestAnswer: 30, pieces: bert.pieces, wordsOf })(q, [
            { window: row, candidates: [{ ...target, score: 1 }], nullScore: 0 }
          ])
          expect(found).toBe(question.answers[0].text)
        }
      }),
      { numRuns: 40 }
    )
  })

  it('within a word is tightened to its pieces', async () => {
    const question = asking('He lived (1867-1934) there', '1934', 'He lived (1867-')
    const q = await encoded(question)
    const { start, end } = right(answerSpan(question, q))
    expect(q.pieces.slice(start, end + 1).map((id) => bert.pieces[id])).toEqual(['1934'])
  })

  it('is the first of equal sub-spans, or all of the words where none equals it', () => {
    expect(tightened([1, 2, 3, 2], [2], { start: 0, end: 3 })).toEqual({ start: 1, end: 1 })
    expect(tightened([1, 2, 3, 2], [2], { start: 2, end: 3 })).toEqual({ start: 3, end: 3 })
    expect(tightened([1, 2, 3], [3, 4], { start: 0, end: 2 })).toEqual({ start: 0, end: 2 })
  })

  it('is counted in code points', async () => {
    const question = asking('😀 😀 cat 😀', 'cat', '😀 😀 ')
    const q = await encoded(question)
    expect(right(answerSpan(question, q))).toEqual({ start: 2, end: 2 })
  })

  it.each([
    ['that lies outside', asking('a cat', 'cats', 'a '), 'the answer lies outside the text'],
    ['that the text does not hold', asking('a cat sat', 'dog', 'a '), 'the text does not hold the answer'],
    ['that is nowhere', { ...asking('a cat', '', ''), answers: [] }, 'no answer is given']
  ])('%s drops its question, and says why', async (_, question, reason) => {
    expect(trainingWindows(special, options)(question, await encoded(question))).toEqual(E.left(reason))
  })

  it('of a question without one is [CLS] in every row, which says so', async () => {
    const question = { ...asking('the cat '.repeat(10), '', ''), answers: [], isImpossible: true }
    const windows = right(trainingWindows(special, options)(question, await encoded(question)))
    expect(windows.length).toBeGreaterThan(1)
    for (const { target } of windows) expect(target).toEqual({ start: 0, end: 0, isImpossible: true })
  })
})
