import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { meanSquaredError, pearson, spearman } from '../../../../src/electra/tasks/metrics/correlation.js'
import { golden, isAsGood, numberOf } from '../golden.js'

const values = fc.integer({ min: -20, max: 20 }).map((n) => n / 4)
const judgements = fc.array(fc.record({ label: values, prediction: values }), { minLength: 0, maxLength: 20 })

describe('scores of numbers', () => {
  it('are those of SciPy', () => {
    for (const { labels, predictions, mse, ...scores } of golden.numbers) {
      const judged = labels.map((label, i) => ({ label: numberOf(label), prediction: numberOf(predictions[i]) }))
      const where = JSON.stringify(judged)
      expect(isAsGood(pearson(judged), numberOf(scores.pearson)), `pearson of ${where}`).toBe(true)
      expect(isAsGood(spearman(judged), numberOf(scores.spearman)), `spearman of ${where}`).toBe(true)
      if (mse !== null) expect(isAsGood(meanSquaredError(judged), numberOf(mse)), `mse of ${where}`).toBe(true)
    }
  })

  it('leave ranks as they are under strictly increasing functions, and turn them under decreasing ones', () => {
    fc.assert(
      fc.property(judgements, (judged) => {
        const mapped = (f: (x: number) => number) =>
          judged.map(({ label, prediction }) => ({ label, prediction: f(prediction) }))
        expect(spearman(mapped((x) => x * x * x + x - 7))).toBe(spearman(judged))
        expect(isAsGood(spearman(mapped((x) => -x)), -spearman(judged))).toBe(true)
      })
    )
  })

  it('do not tell labels from predictions', () => {
    fc.assert(
      fc.property(judgements, (judged) => {
        const swapped = judged.map(({ label, prediction }) => ({ label: prediction, prediction: label }))
        for (const score of [pearson, spearman, meanSquaredError])
          expect(isAsGood(score(swapped), score(judged))).toBe(true)
      })
    )
  })

  it('correlate to 1 with any line that rises', () => {
    fc.assert(
      fc.property(fc.uniqueArray(values, { minLength: 2, maxLength: 20 }), (labels) => {
        const judged = labels.map((label) => ({ label, prediction: 3 * label - 2 }))
        expect(isAsGood(pearson(judged), 1)).toBe(true)
        expect(isAsGood(spearman(judged), 1)).toBe(true)
      })
    )
  })

  it('are not numbers where there is nothing to correlate', () => {
    for (const score of [pearson, spearman, meanSquaredError]) expect(score([])).toBeNaN()
    expect(pearson([{ label: 1, prediction: 2 }])).toBeNaN()
    expect(spearman([{ label: 1, prediction: 2 }])).toBeNaN()
  })
})
