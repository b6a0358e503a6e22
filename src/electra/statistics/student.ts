/**
 * Student's t distribution, from the regularised incomplete beta function by its continued fraction: Abramowitz and Stegun 26.5.8,
 * evaluated by Lentz's method as modified by Thompson and Barnett.
 */

/** Lanczos's approximation with g = 7 and nine terms: relative errors near 1e-15. */
const lanczos: readonly [number, ...ReadonlyArray<number>] = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7
]

/** The logarithm of the gamma function of x, at least a half. */
const logGamma = (x: number): number => {
  const [first, ...rest] = lanczos
  const sum = rest.reduce((all, c, i) => all + c / (x + i), first)
  const base = x + 6.5
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(base) - base + Math.log(sum)
}

const mostTerms = 10_000

/** Converges fast where x is below (a + 1) / (a + b + 2). */
const continuedFraction = (x: number, a: number, b: number): number => {
  const kept = (v: number): number =>
    Math.abs(v) < Number.MIN_VALUE / Number.EPSILON ? Number.MIN_VALUE / Number.EPSILON : v
  let c = 1
  let d = 1 / kept(1 - ((a + b) * x) / (a + 1))
  let value = d
  for (let m = 1; m < mostTerms; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
    d = 1 / kept(1 + even * d)
    c = kept(1 + even / c)
    value *= d * c
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))
    d = 1 / kept(1 + odd * d)
    c = kept(1 + odd / c)
    value *= d * c
    if (Math.abs(d * c - 1) < Number.EPSILON) break
  }
  return value
}

/** I_x(a, b), for a and b of at least a half. `y` is 1 - x, which may be known better than by subtraction. */
const incompleteBeta = (x: number, y: number, a: number, b: number): number => {
  if (x <= 0) return 0
  if (y <= 0) return 1
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log(y))
  return x < (a + 1) / (a + b + 2)
    ? (front * continuedFraction(x, a, b)) / a
    : 1 - (front * continuedFraction(y, b, a)) / b
}

/** The probability of a value as far from 0 as `t`, on either side, with `df` degrees of freedom. */
export const twoSided = (t: number, df: number): number => {
  const square = t * t
  return square === Infinity ? 0 : incompleteBeta(df / (df + square), square / (df + square), df / 2, 0.5)
}

/** The t that is exceeded, on either side, with probability `p` between 0 and 1. */
export const criticalT = (p: number, df: number): number => {
  let [low, high] = [0, 1]
  while (twoSided(high, df) > p) high *= 2
  for (let i = 0; i < 200 && low < high; i++) {
    const middle = (low + high) / 2
    if (middle === low || middle === high) break
    if (twoSided(middle, df) > p) low = middle
    else high = middle
  }
  return high
}
