import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { spanScores, tokenAccuracy } from '../../../../src/electra/tasks/metrics/tagging.js'
import { officialSpans, seqevalSpans } from '../../../../src/electra/tasks/spans.js'
import { golden, isAsGood } from '../golden.js'

const tags = fc.constantFrom('O', 'B-X', 'I-X', 'B-Y', 'I-Y', 'E-X', 'S-Y', 'X', '', 'B-', '-')
const sentences = fc.array(
  fc
    .array(fc.tuple(tags, tags), { maxLength: 6 })
    .map((words) => ({ label: words.map(([gold]) => gold), prediction: words.map(([, found]) => found) })),
  { maxLength: 4 }
)

describe('scores of tags', () => {
  it('are those of seqeval', () => {
    for (const { sentences: rows, precision, recall, f1, accuracy } of golden.tags) {
      const judged = rows.map(([label, prediction]) => ({ label, prediction }))
      const found = spanScores(seqevalSpans)(judged)
      expect(isAsGood(found.precision, precision) && isAsGood(found.recall, recall) && isAsGood(found.f1, f1)).toBe(
        true
      )
      expect(isAsGood(tokenAccuracy(judged), accuracy)).toBe(true)
    }
  })

  it('lie in [0, 1], and precision and recall change places with labels and predictions', () => {
    fc.assert(
      fc.property(sentences, fc.constantFrom(officialSpans, seqevalSpans), (judged, spansOf) => {
        const scores = spanScores(spansOf)(judged)
        const swapped = spanScores(spansOf)(judged.map((s) => ({ label: s.prediction, prediction: s.label })))
        for (const score of [scores.precision, scores.recall, scores.f1]) {
          expect(score).toBeGreaterThanOrEqual(0)
          expect(score).toBeLessThanOrEqual(1)
        }
        expect([swapped.precision, swapped.recall, swapped.f1]).toEqual([scores.recall, scores.precision, scores.f1])
      })
    )
  })

  it('take words without a prediction for wrong, and predictions without a word for none', () => {
    const label = ['B-X', 'O', 'B-X']
    expect(tokenAccuracy([{ label, prediction: ['B-X'] }])).toBe(1 / 3)
    expect(spanScores(seqevalSpans)([{ label, prediction: ['B-X'] }])).toMatchObject({ precision: 1, recall: 1 / 2 })
    expect(spanScores(seqevalSpans)([{ label, prediction: [...label, 'B-X'] }])).toMatchObject({ precision: 1, f1: 1 })
  })

  it('are 0 without spans, and not a number without words', () => {
    expect(spanScores(officialSpans)([])).toMatchObject({ precision: 0, recall: 0, f1: 0 })
    expect(tokenAccuracy([])).toBeNaN()
  })
})
