import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { answerF1, exactMatch, normaliseAnswer, wordF1 } from '../../../../src/electra/tasks/metrics/answer-text.js'
import { mrqaScores, officialSquad2, squad1Scores, squad2Scores } from '../../../../src/electra/tasks/metrics/squad.js'
import { golden, isAsGood } from '../golden.js'

const texts = fc.oneof(
  fc.array(fc.constantFrom('the', 'a', 'cat', 'Cat,', 'sat', '-', '🙂'), { maxLength: 5 }).map((w) => w.join(' ')),
  fc.string({ unit: 'binary', maxLength: 12 })
)

describe('two answers', () => {
  it('say the same where the official scorers find that they do', () => {
    for (const { gold, predicted, normalised, exact, f1, f1v1 } of golden.answers) {
      const where = JSON.stringify([gold, predicted])
      expect(normaliseAnswer(gold), where).toBe(normalised)
      expect(exactMatch(gold, predicted), where).toBe(exact)
      expect(answerF1(gold, predicted), where).toBe(f1)
      expect(wordF1(gold, predicted), where).toBe(f1v1)
    }
  })

  it('have an F1 in [0, 1] that does not tell them apart, and 1 where they match', () => {
    fc.assert(
      fc.property(texts, texts, (a, b) => {
        expect(answerF1(a, b)).toBeGreaterThanOrEqual(0)
        expect(answerF1(a, b)).toBeLessThanOrEqual(1)
        expect(answerF1(a, b)).toBe(answerF1(b, a))
        expect(answerF1(a, a)).toBe(1)
        if (exactMatch(a, b) === 1) expect(answerF1(a, b)).toBe(1)
      })
    )
  })

  it('are normalised once and for all', () => {
    fc.assert(fc.property(texts, (text) => normaliseAnswer(normaliseAnswer(text)) === normaliseAnswer(text)))
  })
})

const questionsOf = (questions: ReadonlyArray<readonly [string, ReadonlyArray<string>]>) =>
  questions.map(([id, golds]) => ({ id, golds }))

describe('answers to questions', () => {
  it('score in SQuAD 2.0 as its official scorer has it', () => {
    for (const { questions, predictions, threshold, scores } of golden.squad2) {
      const predicted = new Map(predictions.map(([id, text, nullScore]) => [id, { text, nullScore }]))
      const found = officialSquad2(squad2Scores(threshold)(questionsOf(questions), predicted))
      expect(Object.keys(found)).toEqual(Object.keys(scores))
      for (const [name, expected] of Object.entries(scores))
        expect(isAsGood(found[name], expected), `${name} of ${JSON.stringify(questions)}`).toBe(true)
    }
  })

  it('score in SQuAD 1.1 and MRQA as their official scorers have it', () => {
    for (const { questions, predictions, squad1, mrqa } of golden.spans) {
      const predicted = new Map(predictions)
      const one = squad1Scores(questionsOf(questions), predicted)
      const other = mrqaScores(questionsOf(questions), predicted)
      expect(isAsGood(one.exact, squad1.exact_match) && isAsGood(one.f1, squad1.f1)).toBe(true)
      expect(isAsGood(other.exact, mrqa.exact_match) && isAsGood(other.f1, mrqa.f1)).toBe(true)
      expect(one.missing).toBe(questions.length - predictions.length)
    }
  })

  const questions = [
    { id: 'answered', golds: ['a cat'] },
    { id: 'blank', golds: [] },
    { id: 'missing', golds: ['dog'] }
  ]

  it('that are missing count in SQuAD 1.1, and are left out of SQuAD 2.0 and MRQA', () => {
    const predictions = new Map([['answered', 'cat']])
    expect(squad1Scores(questions, predictions)).toEqual({ exact: 100 / 3, f1: 100 / 3, total: 3, missing: 2 })
    expect(mrqaScores(questions, predictions)).toEqual({ exact: 100, f1: 100, total: 1, missing: 2 })
    const scores = squad2Scores(1)(questions, new Map([['answered', { text: 'cat', nullScore: 0 }]]))
    expect(scores.hasAns).toEqual({ exact: 100, f1: 100, total: 1, missing: 1 })
    expect([scores.exact, scores.missing]).toEqual([100, 2])
  })

  it('stand where their null score does not exceed the threshold', () => {
    const predictions = new Map([
      ['answered', { text: 'cat', nullScore: -1 }],
      ['blank', { text: 'cat', nullScore: 2 }],
      ['missing', { text: 'dog', nullScore: 1 }]
    ])
    expect(squad2Scores(1)(questions, predictions).exact).toBe(100)
    expect(squad2Scores(0.5)(questions, predictions).exact).toBe(200 / 3)
    expect(squad2Scores(-7)(questions, predictions).exact).toBe(100 / 3)
    expect(squad2Scores(-7)(questions, predictions).bestF1).toEqual({ score: 100, threshold: 1 })
  })

  it('have a best threshold that is as good as it says, unless null scores are equal', () => {
    const question = fc.tuple(texts, texts, fc.boolean())
    fc.assert(
      fc.property(fc.array(question, { minLength: 1, maxLength: 8 }), (rows) => {
        // Null scores from 1 up, so that the threshold 0 leaves all blank.
        const asked = rows.map(([gold, , has], i) => ({ id: `${i}`, golds: has ? [gold] : [] }))
        const predicted = new Map(rows.map(([, text], i) => [`${i}`, { text, nullScore: i + 1 }]))
        const { bestExact } = squad2Scores(0)(asked, predicted)
        const reached = squad2Scores(bestExact.threshold)(asked, predicted).exact
        // A text of an article alone is wrong in the search, and right as an answer to a question that has none.
        expect(reached).toBeGreaterThanOrEqual(bestExact.score - 1e-9)
      })
    )
  })

  it('are not numbers where there are none', () => {
    expect(squad1Scores([], new Map()).exact).toBeNaN()
    expect(squad2Scores(0)([], new Map()).f1).toBeNaN()
  })
})
