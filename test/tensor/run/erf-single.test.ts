import { expect, it } from 'vitest'
import { erf } from '../../../src/tensor/run/erf.js'
import { erfSingle } from '../../../src/tensor/run/erf-single.js'

it('the single-precision error function is within 7e-8 of the exact one, relatively, and keeps NaN', () => {
  for (let i = -6000; i <= 6000; i++) {
    const x = i / 1000
    // 7e-8 is a little over the 2^-24 that storing an f32 costs anyway.
    expect(Math.abs(erfSingle(x) - erf(x))).toBeLessThanOrEqual(7e-8 * Math.abs(erf(x)))
  }
  expect(erfSingle(Infinity)).toBeCloseTo(1, 6)
  expect(erfSingle(NaN)).toBeNaN()
})
