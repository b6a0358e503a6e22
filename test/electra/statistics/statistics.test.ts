import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { holm } from '../../../src/electra/statistics/corrected.js'
import { deviation, mean, median, quantile } from '../../../src/electra/statistics/moments.js'
import { compared, leastBootstrapP } from '../../../src/electra/statistics/paired.js'
import { resamples } from '../../../src/electra/statistics/resampling.js'
import { criticalT, twoSided } from '../../../src/electra/statistics/student.js'
import { range } from '../../../src/tensor/range.js'
import { threefry2x32 } from '../../../src/tensor/threefry.js'

/** SciPy's, by scripts/golden/statistics.py. */
type Golden = {
  readonly cases: ReadonlyArray<{
    readonly a: ReadonlyArray<number>
    readonly b: ReadonlyArray<number>
    readonly p: number
    readonly low: number
    readonly high: number
    readonly signFlip: number
    readonly bootstrap?: { readonly low: number; readonly high: number; readonly p: number }
    readonly effect: number
    readonly deviation: number
    readonly quantiles: Readonly<Record<string, number>>
  }>
  readonly tails: ReadonlyArray<{ readonly t: number; readonly df: number; readonly p: number }>
  readonly critical: ReadonlyArray<{ readonly p: number; readonly df: number; readonly t: number }>
}

const golden = JSON.parse(readFileSync(new URL('../../fixtures/statistics.json', import.meta.url), 'utf8')) as Golden

const expectNear = (found: number, expected: number, relative: number): void => {
  expect(Math.abs(found - expected), `${found}, expected ${expected}`).toBeLessThanOrEqual(
    relative * Math.abs(expected) + 1e-300
  )
}

const sample = fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 2, maxLength: 6 })
const pairs = sample.chain((a) =>
  fc.tuple(
    fc.constant(a),
    fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: a.length, maxLength: a.length })
  )
)

describe('numbers that SciPy has, too', () => {
  it('are its tails and critical values of Student', () => {
    golden.tails.forEach(({ t, df, p }) => {
      expectNear(twoSided(t, df), p, 3e-12)
      expect(twoSided(-t, df)).toBe(twoSided(t, df))
    })
    golden.critical.forEach(({ p, df, t }) => expectNear(criticalT(p, df), t, 1e-11))
    expect([twoSided(0, 3), twoSided(Infinity, 3)]).toEqual([1, 0])
    // With one degree of freedom it is Cauchy's, which has a formula.
    for (const t of [1e-8, 1e-3, 1, 1e3, 1e8]) expectNear(twoSided(t, 1), (2 / Math.PI) * Math.atan(1 / t), 1e-14)
  })

  it('are its moments, tests and intervals of pairs', () => {
    golden.cases.forEach(({ a, b, p, low, high, signFlip, quantiles, bootstrap, effect, ...rest }) => {
      const found = compared(a, b)
      expectNear(found.student.p, p, 1e-10)
      expectNear(found.student.low, low, 1e-10)
      expectNear(found.student.high, high, 1e-10)
      expect(found.signFlip.p).toBe(signFlip)
      expectNear(found.effect, effect, 1e-9)
      if (bootstrap !== undefined) {
        expect(found.bootstrap.p).toBeCloseTo(bootstrap.p, 12)
        expectNear(found.bootstrap.low, bootstrap.low, 1e-8)
        expectNear(found.bootstrap.high, bootstrap.high, 1e-8)
      }
      expectNear(deviation(a), rest.deviation, 1e-12)
      Object.entries(quantiles).forEach(([q, value]) => expectNear(quantile(a, Number(q)), value, 1e-14))
    })
  })
})

describe('resamples', () => {
  it('are all that there are, each once, where they are few', () => {
    const all = resamples(4, 256, [1, 2])
    expect(new Set(all.map((each) => each.join())).size).toBe(256)
    expect(all.flat().every((i) => i >= 0 && i < 4)).toBe(true)
    expect(resamples(4, 255, [1, 2])).toHaveLength(255)
  })

  it('are drawn by the key where they are many: every index as often as any other', () => {
    const drawn = resamples(9, 20_000, [3, 4])
    expect(drawn).toEqual(resamples(9, 20_000, [3, 4]))
    expect(drawn).not.toEqual(resamples(9, 20_000, [3, 5]))
    const counts = new Array<number>(9).fill(0)
    drawn.flat().forEach((i) => counts[i]++)
    // 20,000 of each, with a deviation of 133.
    counts.forEach((count) => expect(Math.abs(count - 20_000)).toBeLessThan(700))
    // Of one resample the indices are independent: of 20,000 first two, 1 in 9 are alike, with a deviation of 44.
    const alike = drawn.filter(([first, second]) => first === second).length
    expect(Math.abs(alike - 20_000 / 9)).toBeLessThan(220)
  })
})

describe('a comparison', () => {
  it('changes its sign with the order, and nothing else', () => {
    fc.assert(
      fc.property(pairs, ([a, b]) => {
        const [there, back] = [compared(a, b), compared(b, a)]
        expect(back.difference).toBeCloseTo(-there.difference, 12)
        if (Number.isNaN(there.student.p)) return
        expectNear(back.student.p, there.student.p, 1e-12)
        expect(back.signFlip.p).toBe(there.signFlip.p)
        expect(back.effect).toBeCloseTo(-there.effect, 6)
        expect(back.student.low).toBeCloseTo(-there.student.high, 9)
      }),
      { numRuns: 50 }
    )
  })

  it('does not depend on units, nor on what both have', () => {
    const [a, b] = [
      [0.81, 0.79, 0.82, 0.8, 0.805],
      [0.8, 0.795, 0.8, 0.785, 0.8]
    ]
    const own = compared(a, b)
    const other = compared(
      a.map((x) => 100 * x + 7),
      b.map((x) => 100 * x + 7)
    )
    expect(other.bootstrap.p).toBe(own.bootstrap.p)
    expect(other.bootstrap.low).toBeCloseTo(100 * own.bootstrap.low, 8)
    expect(other.effect).toBeCloseTo(own.effect, 9)
  })

  it('that has nothing to vary has no interval, and one pair neither', () => {
    for (const [a, b] of [
      [
        [1, 2, 3],
        [0, 1, 2]
      ],
      [[1], [2]]
    ]) {
      const { student, bootstrap, effect, difference } = compared(a, b)
      expect(difference).toBe(a[0] - b[0])
      expect([student, bootstrap]).toEqual(Array.from({ length: 2 }, () => ({ low: NaN, high: NaN, p: NaN })))
      expect(effect).toBeNaN()
    }
    // Half of the resamples of two pairs have no deviation: no interval of theirs ends anywhere.
    expect(compared([1, 2], [0, 0.5]).bootstrap).toMatchObject({ low: -Infinity, high: Infinity })
  })

  it('has no smaller p, however large the difference, than so few pairs can give', () => {
    for (const pairs of [2, 3, 4, 5]) {
      // One is above the mean.
      const of = range(pairs).map((i) => 1000 + (i === 0 ? 1 : i / 100))
      const { bootstrap } = compared(
        of,
        of.map(() => 0)
      )
      expect(bootstrap.p).toBeCloseTo(leastBootstrapP(pairs), 12)
    }
    expect([2, 3, 5].map(leastBootstrapP)).toEqual(
      [2 / 4, 2 / 27, 2 / 3125].map((p) => expect.closeTo(p, 15) as number)
    )
  })

  it('that varies by roundings only is not sure of anything', () => {
    // Each difference is 0.3 in decimals, and another double.
    const [a, b] = [
      [0.83, 0.84, 0.86, 0.81, 0.8],
      [0.53, 0.54, 0.56, 0.51, 0.5]
    ]
    expect(new Set(a.map((x, i) => x - b[i])).size).toBeGreaterThan(1)
    const { student, bootstrap, effect } = compared(a, b)
    expect([student.p, bootstrap.p, effect]).toEqual([NaN, NaN, NaN])
    // Four of five are alike: many resamples vary by roundings, and no bound is a number that one of them made.
    const { low, high } = compared(a.with(4, 0.81), b).bootstrap
    for (const bound of [low, high]) expect(Math.abs(bound) < 1 || Math.abs(bound) === Infinity).toBe(true)
  })

  describe('of five pairs', () => {
    const trials = 400
    const uniform = (i: number, j: number): number => (threefry2x32([5, i], [j, 0])[0] + 0.5) / 2 ** 32
    const normal = (i: number, j: number): number =>
      Math.sqrt(-2 * Math.log(uniform(i, 2 * j))) * Math.cos(2 * Math.PI * uniform(i, 2 * j + 1))
    const exponential = (i: number, j: number): number => -Math.log(uniform(i, j)) - 1

    /** How often 95 % intervals have the truth: the deviation of such a share is 0.011. */
    it.each([
      ['normal', normal, 0.92, 0.985],
      ['skewed', exponential, 0.84, 0.97]
    ] as const)('covers the truth nearly as often as it says, where differences are %s', (_, draw, least, most) => {
      const zeros = range(5).map(() => 0)
      const all = range(trials).map((i) =>
        compared(
          range(5).map((j) => 0.3 + draw(i, j)),
          zeros
        )
      )
      for (const of of ['student', 'bootstrap'] as const) {
        const share = all.filter((each) => each[of].low <= 0.3 && 0.3 <= each[of].high).length / trials
        expect(share).toBeGreaterThan(least)
        expect(share).toBeLessThan(most)
      }
      // p is below a level where the interval leaves 0 out: tests and intervals are of one kind.
      all.forEach(({ student: { low, high, p } }) => expect(low > 0 || high < 0).toBe(p < 0.05))
      // The bootstrap's p has steps, of which one may be at the level.
      all.forEach(({ bootstrap: { low, high, p } }) => {
        if (Math.abs(p - 0.05) > 0.002) expect(low > 0 || high < 0).toBe(p < 0.05)
      })
    })
  })
})

describe("Holm's correction", () => {
  it('multiplies the least p by how many they are, the next by one less, and keeps the order', () => {
    expect(holm([0.01, 0.04, 0.03, NaN, 0.005])).toEqual([0.03, 0.06, 0.06, NaN, 0.02])
    expect(holm([0.9, 0.8])).toEqual([1, 1])
    expect(holm([])).toEqual([])
  })

  it('is never less than p, never more than Bonferroni, and keeps who is less', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 8 }), (ps) => {
        const corrected = holm(ps)
        ps.forEach((p, i) => {
          expect(corrected[i]).toBeGreaterThanOrEqual(p)
          expect(corrected[i]).toBeLessThanOrEqual(Math.min(1, ps.length * p))
          ps.forEach((q, j) => {
            if (p < q) expect(corrected[i]).toBeLessThanOrEqual(corrected[j])
          })
        })
      })
    )
  })
})

describe('moments', () => {
  it('of no numbers are NaN, of one itself', () => {
    expect([mean([]), median([]), deviation([]), deviation([3])]).toEqual([NaN, NaN, NaN, NaN])
    expect([mean([3]), median([3]), quantile([3], 0.1)]).toEqual([3, 3, 3])
    expect(median([4, 1, 3, 2])).toBe(2.5)
  })
})
