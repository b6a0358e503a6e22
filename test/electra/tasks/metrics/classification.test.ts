import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { accuracy, f1, macroF1, matthews, microF1 } from '../../../../src/electra/tasks/metrics/classification.js'
import type { Judged } from '../../../../src/electra/tasks/metrics/judged.js'
import { golden, isAsGood, numberOf } from '../golden.js'

const classes = fc.integer({ min: 0, max: 3 })
const judgements = fc.array(fc.record({ label: classes, prediction: classes }), { minLength: 1, maxLength: 20 })

const swapped = (judged: ReadonlyArray<Judged<number>>): ReadonlyArray<Judged<number>> =>
  judged.map(({ label, prediction }) => ({ label: prediction, prediction: label }))

describe('scores of classes', () => {
  it('are those of scikit-learn', () => {
    for (const { labels, predictions, ...scores } of golden.classes) {
      const judged = labels.map((label, i) => ({ label, prediction: predictions[i] }))
      const found = {
        ...{ accuracy: accuracy(judged), matthews: matthews(judged), f1: f1(1)(judged) },
        ...{ microF1: microF1(judged), macroF1: macroF1(judged) }
      }
      for (const name of ['accuracy', 'matthews', 'f1', 'microF1', 'macroF1'] as const)
        expect(isAsGood(found[name], numberOf(scores[name])), `${name} of ${JSON.stringify(judged)}`).toBe(true)
    }
  })

  it('stay as they are where labels and predictions change places', () => {
    fc.assert(
      fc.property(judgements, classes, (judged, positive) => {
        for (const score of [accuracy, matthews, microF1, macroF1, f1(positive)])
          expect(isAsGood(score(swapped(judged)), score(judged))).toBe(true)
      })
    )
  })

  it('lie in their ranges, and are 1 where all is right', () => {
    fc.assert(
      fc.property(judgements, (judged) => {
        for (const score of [accuracy, microF1, macroF1, f1(1)]) {
          expect(score(judged)).toBeGreaterThanOrEqual(0)
          expect(score(judged)).toBeLessThanOrEqual(1)
        }
        expect(Math.abs(matthews(judged))).toBeLessThanOrEqual(1 + Number.EPSILON)
        const right = judged.map(({ label }) => ({ label, prediction: label }))
        expect([accuracy(right), microF1(right), macroF1(right)]).toEqual([1, 1, 1])
        expect(matthews(right)).toBe(new Set(judged.map(({ label }) => label)).size > 1 ? 1 : 0)
      })
    )
  })

  it('have one number where each example has one class: micro F1 is accuracy', () => {
    fc.assert(fc.property(judgements, (judged) => microF1(judged) === accuracy(judged)))
  })

  it('are not numbers where nothing was judged', () => {
    for (const score of [accuracy, matthews, microF1, macroF1, f1(1)]) expect(score([])).toBeNaN()
  })

  it('take words for classes', () => {
    expect(f1('yes')([{ label: 'yes', prediction: 'yes' }])).toBe(1)
    expect(accuracy([{ label: 'constructor', prediction: '__proto__' }])).toBe(0)
  })
})
