import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { erf } from '../../../../src/tensor/run/reference/erf.js'

/**
 * The series `2/sqrt(pi) exp(-x^2) sum 2^n x^(2n+1) / (2n+1)!!`, whose terms all have one sign: nothing cancels. Good to
 * some 20 roundings where exp(-x^2) is.
 */
const series = (x: number): number => {
  let [term, sum] = [x, x]
  for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1)
    sum += term
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum
}

describe('erf', () => {
  it('is its series', () => {
    fc.assert(
      fc.property(fc.integer({ min: -500_000, max: 500_000 }), (n) => {
        const x = n / 100_000
        // exp(-x^2) carries x^2 roundings of its argument, here at most 25.
        expect(Math.abs(erf(x) - series(x))).toBeLessThanOrEqual(64 * Number.EPSILON * Math.abs(series(x)))
      }),
      { numRuns: 1000 }
    )
  })

  it('is odd, grows, and stays within 1', () => {
    const points = Array.from({ length: 1400 }, (_, i) => erf((i - 700) / 100))
    points.forEach((y, i) => expect(y).toBe(-erf(-(i - 700) / 100)))
    points.slice(1).forEach((y, i) => expect(y).toBeGreaterThanOrEqual(points[i]))
    expect(Math.max(...points.map(Math.abs))).toBe(1)
  })

  it('keeps tiny arguments, zeros, infinities and NaN', () => {
    expect(erf(1e-300)).toBeCloseTo((2 / Math.sqrt(Math.PI)) * 1e-300, 310)
    expect([erf(0), erf(-0), erf(Infinity), erf(-Infinity), erf(NaN)]).toEqual([0, -0, 1, -1, NaN])
  })
})
