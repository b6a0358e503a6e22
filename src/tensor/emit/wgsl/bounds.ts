/**
 * How far from the exact value the functions of f32 are.
 *
 * The bounds hold where a division is rounded correctly, whether multiplications are fused with additions or not, and on a driver
 * that adds in another order. The worst found among four million arguments all over the range (of `pow` as many pairs) on SwiftShader,
 * and after it on lavapipe, which reassociates sums, where that has other bits: exp 0.98, 1.28; expm1 1.64; log 0.77; log1p 0.78;
 * sqrt 0.5; rsqrt 1.5; sin 1.56; cos 1.57; tanh 2.4; erf 6.5; sigmoid 2.3; softplus 1.83, 2.03; pow 1.15, 1.43.
 *
 * A device may divide with an error of 2.5 units, and adds as much to `div`, `rsqrt`, `tanh`, `erf` and `sigmoid`, and half a unit to
 * `softplus`.
 *
 * Zeros with their signs, infinities and NaN are the reference's, and limits are reached and never passed. Only results below 2^-126
 * and, where it says so, operands below that may be flushed to zero: WGSL leaves that to the device.
 */

import type { FloatBinary, FloatUnary } from '../../elementwise.js'

export type Bound = {
  /** Units in the last place of the exact result; 0 where it is rounded correctly. */
  readonly ulps: number
  /** Whether results that are subnormal, or those of subnormal operands, may be as if these were zeros. */
  readonly flushes: boolean
}

const exact: Bound = { ulps: 0, flushes: false }
const within = (ulps: number): Bound => ({ ulps, flushes: false })
const flushing = (ulps: number): Bound => ({ ulps, flushes: true })

export const bounds: Readonly<Record<FloatUnary | FloatBinary, Bound>> = {
  neg: exact,
  abs: exact,
  sign: exact,
  floor: exact,
  sqrt: exact,
  max: exact,
  min: exact,
  add: flushing(0),
  sub: flushing(0),
  mul: flushing(0),
  div: flushing(0),
  exp: flushing(1.4),
  expm1: within(1.8),
  log: within(0.9),
  log1p: within(0.9),
  rsqrt: within(1.6),
  sin: within(1.7),
  cos: within(1.7),
  tanh: within(2.5),
  erf: flushing(7),
  sigmoid: flushing(2.5),
  softplus: flushing(2.1),
  pow: flushing(1.7)
}
