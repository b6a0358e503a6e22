import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { aucOfHistogram, logitHistogram } from '../../../src/electra/objective/auc.js'
import { tensor } from '../../../src/tensor/index.js'
import { run } from '../../plain.js'

type Scored = { readonly logit: number; readonly label: number; readonly weight: number }

const bit = fc.constantFrom(0, 1)

/** Logits beyond the histogram's range and tied ones among them. */
const scored = (weight: fc.Arbitrary<number> = bit): fc.Arbitrary<ReadonlyArray<Scored>> =>
  fc.array(
    fc.record({
      logit: fc.oneof(
        fc.integer({ min: -1500, max: 1500 }).map((n) => n / 100),
        fc.constantFrom(-1, 0, 0.25)
      ),
      label: bit,
      weight
    }),
    { minLength: 1, maxLength: 60 }
  )

const histogram = (xs: ReadonlyArray<Scored>): ReadonlyArray<number> => {
  const of = (f: (x: Scored) => number) => tensor(xs.map(f))
  return run(
    logitHistogram(
      of((x) => x.label),
      of((x) => x.weight)
    )(of((x) => x.logit))
  ).values
}

const logits = (xs: ReadonlyArray<Scored>, label: number): ReadonlyArray<number> =>
  xs.filter((x) => x.weight === 1 && x.label === label).map((x) => x.logit)

/** The definition, over all pairs. */
const mannWhitney = (positives: ReadonlyArray<number>, negatives: ReadonlyArray<number>): number =>
  positives.flatMap((p) => negatives.map((n) => (p > n ? 1 : p === n ? 1 / 2 : 0))).reduce<number>((a, b) => a + b, 0) /
  (positives.length * negatives.length)

describe('the area under the ROC curve', () => {
  it('is that of all pairs, but for pairs within one bin, which count half', () => {
    fc.assert(
      fc.property(scored(), (xs) => {
        const [positives, negatives] = [logits(xs, 1), logits(xs, 0)]
        fc.pre(positives.length > 0 && negatives.length > 0)
        // Bins are 24 / 511 wide, and beyond 12 there is one on each side. A pair within one is off by a half at most.
        const inside = (x: number) => Math.min(Math.max(x, -12), 12)
        const close = positives
          .flatMap((p) => negatives.map((n) => (Math.abs(inside(p) - inside(n)) <= 24 / 511 && p !== n ? 1 / 2 : 0)))
          .reduce<number>((a, b) => a + b, 0)
        const bound = close / (positives.length * negatives.length) + 1e-12
        expect(Math.abs(aucOfHistogram(histogram(xs)) - mannWhitney(positives, negatives))).toBeLessThanOrEqual(bound)
      })
    )
  })

  it('does not depend on the order of the tokens, and its histogram adds up over them', () => {
    fc.assert(
      fc.property(scored(), fc.nat(), (xs, at) => {
        const cut = at % xs.length
        fc.pre(cut > 0)
        const [a, b] = [histogram(xs.slice(0, cut)), histogram(xs.slice(cut))]
        expect(histogram(xs)).toEqual(a.map((n, i) => n + b[i]))
        expect(histogram([...xs].reverse())).toEqual(histogram(xs))
      })
    )
  })

  it('counts every token of weight 1 once, and no other', () => {
    fc.assert(
      fc.property(scored(), (xs) => {
        const counts = histogram(xs)
        const half = counts.length / 2
        const sumOf = (part: ReadonlyArray<number>) => part.reduce((a, b) => a + b, 0)
        expect([sumOf(counts.slice(0, half)), sumOf(counts.slice(half))]).toEqual([
          logits(xs, 1).length,
          logits(xs, 0).length
        ])
      })
    )
  })

  it('becomes one minus itself where the labels are swapped', () => {
    fc.assert(
      fc.property(scored(fc.constant(1)), (xs) => {
        fc.pre(new Set(xs.map((x) => x.label)).size === 2)
        const swapped = xs.map((x) => ({ ...x, label: 1 - x.label }))
        expect(aucOfHistogram(histogram(swapped))).toBeCloseTo(1 - aucOfHistogram(histogram(xs)), 12)
      })
    )
  })

  it('is NaN where a class is missing', () => {
    expect(aucOfHistogram(histogram([{ logit: 1, label: 1, weight: 1 }]))).toBeNaN()
    expect(aucOfHistogram(histogram([{ logit: 1, label: 0, weight: 1 }]))).toBeNaN()
  })

  it('is 1 where every positive is above every negative, and 1/2 where all are equal', () => {
    const of = (positive: number, negative: number): number =>
      aucOfHistogram(
        histogram([
          { logit: positive, label: 1, weight: 1 },
          { logit: negative, label: 0, weight: 1 }
        ])
      )
    expect([of(0.1, -0.1), of(30, 11), of(-0.1, 0.1), of(2, 2), of(40, 13)]).toEqual([1, 1, 0, 0.5, 0.5])
  })
})
