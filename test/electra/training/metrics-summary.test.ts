import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Report } from '../../../src/electra/training/columns.js'
import {
  emptySummary,
  heldOutOf,
  meansOf,
  remember,
  rememberHeldOut,
  tenthsOf,
  type MetricsSummary
} from '../../../src/electra/training/metrics-summary.js'

const reals = fc.integer({ min: -400, max: 400 }).map((n) => n / 100)

/** A step's report, in which the AUC may be none. */
const reports: fc.Arbitrary<Report> = fc.record({
  maskedLmLoss: reals,
  discriminatorLoss: reals,
  discriminatorAuc: fc.oneof({ weight: 3, arbitrary: reals }, fc.constant(NaN)),
  loss: reals
})

const summaryOf = (steps: ReadonlyArray<Report>, total = steps.length): MetricsSummary =>
  steps.reduce<MetricsSummary>((summary, report, n) => remember(n, total, report)(summary), emptySummary)

const mean = (xs: ReadonlyArray<number>): number => xs.reduce((sum, x) => sum + x, 0) / xs.length

/** The definition: the mean of what is a number, and nothing where nothing is. */
const naive = (steps: ReadonlyArray<Report>, name: string): number | undefined => {
  const values = steps.map((report) => report[name]).filter((x) => !Number.isNaN(x))
  return values.length === 0 ? undefined : mean(values)
}

describe('the summary of a run', () => {
  it('holds the means over the first and the last tenth of its steps, NaN left out', () => {
    fc.assert(
      fc.property(fc.array(reports, { minLength: 1, maxLength: 60 }), (steps) => {
        const tenth = Math.max(1, Math.floor(steps.length / 10))
        const summary = summaryOf(steps)
        for (const name of ['maskedLmLoss', 'discriminatorLoss', 'discriminatorAuc', 'loss']) {
          expect(meansOf(summary, 'first')[name]).toBe(naive(steps.slice(0, tenth), name))
          expect(meansOf(summary, 'last')[name]).toBe(naive(steps.slice(-tenth), name))
        }
      })
    )
  })

  it('has no last tenth before it has come there', () => {
    const report = { maskedLmLoss: 1 }
    expect(meansOf(summaryOf([report, report], 100), 'last')).toEqual({})
    expect(meansOf(summaryOf([report, report], 100), 'first')).toEqual({ maskedLmLoss: 1 })
    expect(meansOf(emptySummary, 'first')).toEqual({})
  })

  it('gives tenths of one step to a run of fewer than ten', () => {
    expect([0, 1, 2].map((n) => tenthsOf(n, 3))).toEqual([['first'], [], ['last']])
    expect(tenthsOf(0, 1)).toEqual(['first', 'last'])
  })

  it('holds the last evaluation beside the means, and neither touches the other', () => {
    fc.assert(
      fc.property(fc.array(reports, { maxLength: 12 }), fc.tuple(reports, reports), (steps, [before, after]) => {
        const summary = summaryOf(steps)
        expect(heldOutOf(summary)).toBeUndefined()
        const evaluated = rememberHeldOut(after)(rememberHeldOut(before)(summary))
        expect(heldOutOf(evaluated)).toEqual(after)
        expect(meansOf(evaluated, 'first')).toEqual(meansOf(summary, 'first'))
        expect(meansOf(evaluated, 'last')).toEqual(meansOf(summary, 'last'))
      })
    )
  })
})
