/**
 * Two ways compared by pairs, such as by runs with the same seed: how far apart they are on average, and how sure that is.
 *
 * Everything is of the differences of pairs. What varies within a pair, such as trials of fine-tuning, is averaged before.
 */

import { range } from '../../tensor/range.js'
import type { Words } from '../../tensor/threefry.js'
import { ascending, mean, quantileOf, standardError, type Numbers } from './moments.js'
import { resamples } from './resampling.js'
import { criticalT, twoSided } from './student.js'

export type Interval = { readonly low: number; readonly high: number }

/** NaN where it does not exist: of fewer than two pairs, and where all differences are alike. */
export type Comparison = {
  readonly pairs: number
  readonly difference: number
  /** Student's, for differences that are normally distributed. */
  readonly student: Interval & { readonly p: number }
  /** The bootstrap's, of differences in units of their standard error (bootstrap-t), which holds for few pairs as well. */
  readonly bootstrap: Interval & { readonly p: number }
  /** Of all changes of sign of the differences, those that make the mean as large as it is: at least 2 of 2^pairs. */
  readonly signFlip: { readonly p: number }
  /** The mean difference in deviations of the differences (Cohen's d_z), less its bias in small samples (Hedges's g). */
  readonly effect: number
}

export const differences = (a: Numbers, b: Numbers): Numbers => a.map((x, i) => x - b[i])

/** Of differences that are alike but for roundings it is 0: they would be endlessly sure. */
const errorOf = (d: Numbers): number => {
  const error = standardError(d)
  return error <= 1e-9 * Math.max(...d.map(Math.abs)) ? 0 : error
}

const student = (d: Numbers, confidence: number): Comparison['student'] => {
  const [centre, error, df] = [mean(d), errorOf(d), d.length - 1]
  if (!(error > 0)) return { low: NaN, high: NaN, p: NaN }
  const reach = criticalT(1 - confidence, df) * error
  return { low: centre - reach, high: centre + reach, p: twoSided(centre / error, df) }
}

/** Resamples whose values are all alike have no standard error: in units of it they are infinitely far, or nowhere. */
const studentised = (of: Numbers, centre: number): number => {
  const away = mean(of) - centre
  const error = errorOf(of)
  return error > 0 ? away / error : away === 0 ? 0 : Math.sign(away) * Infinity
}

const bootstrap = (d: Numbers, confidence: number, most: number, key: Words): Comparison['bootstrap'] => {
  const [centre, error] = [mean(d), errorOf(d)]
  if (!(error > 0)) return { low: NaN, high: NaN, p: NaN }
  const ts = ascending(
    resamples(d.length, most, key).map((at) =>
      studentised(
        at.map((i) => d[i]),
        centre
      )
    )
  )
  const tail = (1 - confidence) / 2
  const found = centre / error
  const [above, below] = [ts.filter((t) => t >= found).length, ts.filter((t) => t <= found).length]
  return {
    low: centre - quantileOf(ts, 1 - tail) * error,
    high: centre - quantileOf(ts, tail) * error,
    // By equal tails, as the interval is: below a level where the interval of that confidence leaves 0 out.
    p: Math.min(1, (2 * Math.min(above, below)) / ts.length)
  }
}

/**
 * The least p-value that the bootstrap can give of so many pairs, however far apart they are: of nⁿ resamples those in which one pair
 * is drawn again and again have no standard error, and one of them at least is as extreme as anything.
 */
export const leastBootstrapP = (pairs: number): number => range(pairs).reduce((p) => p / pairs, 2)

/** Most pairs of which all changes of sign are tried. */
const mostFlipped = 20

const signFlip = (d: Numbers): Comparison['signFlip'] => {
  if (d.length < 2 || d.length > mostFlipped) return { p: NaN }
  const all = 2 ** d.length
  const sum = (flips: number): number => d.reduce((s, x, i) => s + (Math.floor(flips / 2 ** i) % 2 === 1 ? -x : x), 0)
  // Sums of the same terms in one order, so that the same magnitude is found again exactly but for roundings.
  const found = Math.abs(sum(0)) * (1 - 1e-12)
  return { p: range(all).filter((flips) => Math.abs(sum(flips)) >= found).length / all }
}

/** J(m) = gamma(m/2) / (sqrt(m/2) gamma((m-1)/2)), as Hedges approximated it in 1981. */
const smallSample = (df: number): number => 1 - 3 / (4 * df - 1)

export type ComparisonOptions = {
  /** Between 0 and 1; 0.95 where not given. */
  readonly confidence?: number
  /** Resamples at most; 10,000 where not given. */
  readonly resamples?: number
  readonly key?: Words
}

/** `a[i]` against `b[i]`: positive where `a` is larger. */
export const compared = (
  a: Numbers,
  b: Numbers,
  { confidence = 0.95, resamples: most = 10_000, key = [0, 0] }: ComparisonOptions = {}
): Comparison => {
  const d = differences(a, b)
  const spread = errorOf(d) * Math.sqrt(d.length)
  return {
    pairs: d.length,
    difference: mean(d),
    student: student(d, confidence),
    bootstrap: bootstrap(d, confidence, most, key),
    signFlip: signFlip(d),
    effect: spread > 0 ? (smallSample(d.length - 1) * mean(d)) / spread : NaN
  }
}
