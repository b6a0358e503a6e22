/**
 * What each element-wise primitive computes, on one element. The reference device's definition; other devices agree with
 * it within stated bounds (f32) or exactly (integers, bool).
 */

import type { DType } from '../../dtype.js'
import type { Comparison, FloatBinary, FloatUnary, IntegerBinary } from '../../elementwise.js'
import { erf } from './erf.js'

const sigmoid = (x: number): number => {
  if (x >= 0) return 1 / (1 + Math.exp(-x))
  const e = Math.exp(x)
  return e / (1 + e)
}

/** log(1 + exp(x)), finite for every finite x. */
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))

/**
 * IEEE 754's `pow`, as C, NumPy and PyTorch have it. ECMAScript's differs where the base is 1 or -1: of `1^NaN`, `1^Infinity` and
 * `(-1)^Infinity` it makes NaN.
 */
const pow = (a: number, b: number): number => (a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : a ** b)

export const floatUnary: Record<FloatUnary, (x: number) => number> = {
  neg: (x) => -x,
  abs: Math.abs,
  sign: Math.sign,
  floor: Math.floor,
  exp: Math.exp,
  expm1: Math.expm1,
  log: Math.log,
  log1p: Math.log1p,
  sqrt: Math.sqrt,
  rsqrt: (x) => 1 / Math.sqrt(x),
  sin: Math.sin,
  cos: Math.cos,
  tanh: Math.tanh,
  erf,
  sigmoid,
  softplus
}

export const floatBinary: Record<FloatBinary, BinaryFunction> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  pow,
  max: Math.max,
  min: Math.min
}

type BinaryFunction = (a: number, b: number) => number

/** On 32-bit words; the caller wraps the result to the dtype. */
export const integerBinary: Record<IntegerBinary, BinaryFunction> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: Math.imul,
  div: (a, b) => (b === 0 ? 0 : Math.trunc(a / b)),
  rem: (a, b) => (b === 0 ? 0 : a % b),
  max: Math.max,
  min: Math.min,
  and: (a, b) => a & b,
  or: (a, b) => a | b,
  xor: (a, b) => a ^ b,
  shl: (a, b) => a << (b & 31),
  // >> and >>> differ by the sign of `a`: an i32 arrives signed, a u32 never negative.
  shr: (a, b) => (a < 0 ? a >> (b & 31) : a >>> (b & 31))
}

export const comparison: Record<Comparison, (a: number, b: number) => boolean> = {
  eq: (a, b) => a === b,
  ne: (a, b) => a !== b,
  lt: (a, b) => a < b,
  le: (a, b) => a <= b,
  gt: (a, b) => a > b,
  ge: (a, b) => a >= b
}

/** To a dtype, from any element read as a number. See `cast` in tensor.ts. */
export const castTo = (to: DType, from: DType, x: number): number => {
  switch (to) {
    case 'f32':
      return x
    case 'bool':
      return x !== 0 ? 1 : 0
    case 'i32':
      return from === 'f32' ? (Number.isNaN(x) ? 0 : Math.min(2 ** 31 - 1, Math.max(-(2 ** 31), Math.trunc(x)))) : x | 0
    case 'u32':
      return from === 'f32' ? (Number.isNaN(x) ? 0 : Math.min(2 ** 32 - 1, Math.max(0, Math.trunc(x)))) : x >>> 0
  }
}
