/**
 * The element-wise primitives: their names, and which dtypes they take and give.
 *
 * A new element-wise operation is a row here; the compiler then names the rows that are missing in the reference device
 * (`run/scalar.ts`), in each emitter and in the derivatives (`autodiff/rules.ts`).
 *
 * Integers wrap modulo 2^32. `div` and `rem` of integers truncate toward zero, and give 0 where the divisor is 0.
 * `max` and `min` of f32 give NaN where either side is NaN, and hold -0 below 0. `pow` is IEEE 754's: `x^0` and `1^y` are 1 for every
 * other side, NaN too, and `(-1)^Infinity` is 1. Shift counts are taken modulo 32; `shr` keeps the sign of i32.
 */

import type { DType } from './dtype.js'

type Signature = { readonly accepts: ReadonlyArray<DType> }

const float: Signature = { accepts: ['f32'] }
const signed: Signature = { accepts: ['f32', 'i32'] }
const numeric: Signature = { accepts: ['f32', 'i32', 'u32'] }
const integer: Signature = { accepts: ['i32', 'u32'] }
const bits: Signature = { accepts: ['i32', 'u32', 'bool'] }
const any: Signature = { accepts: ['f32', 'i32', 'u32', 'bool'] }

/** One operand; the result has its dtype. `not` is logical on bool, bitwise on integers. */
export const unaries = {
  neg: signed,
  abs: signed,
  sign: signed,
  floor: float,
  exp: float,
  expm1: float,
  log: float,
  log1p: float,
  sqrt: float,
  rsqrt: float,
  sin: float,
  cos: float,
  tanh: float,
  erf: float,
  sigmoid: float,
  softplus: float,
  not: bits
} satisfies Record<string, Signature>

/** Two operands of one shape and dtype; the result has that dtype. */
export const binaries = {
  add: numeric,
  sub: numeric,
  mul: numeric,
  div: numeric,
  rem: integer,
  pow: float,
  max: numeric,
  min: numeric,
  and: bits,
  or: bits,
  xor: bits,
  shl: integer,
  shr: integer
} satisfies Record<string, Signature>

/** Two operands of one shape and dtype; the result is bool. Any comparison with NaN is false, but for `ne`. */
export const comparisons = {
  eq: any,
  ne: any,
  lt: numeric,
  le: numeric,
  gt: numeric,
  ge: numeric
} satisfies Record<string, Signature>

export type Unary = keyof typeof unaries
export type Binary = keyof typeof binaries
export type Comparison = keyof typeof comparisons
export type Reduction = 'sum' | 'max' | 'min'

export const acceptsUnary = (fn: Unary): ReadonlyArray<DType> => unaries[fn].accepts
export const acceptsBinary = (fn: Binary): ReadonlyArray<DType> => binaries[fn].accepts
export const acceptsComparison = (fn: Comparison): ReadonlyArray<DType> => comparisons[fn].accepts

/** What a reduction of nothing is. */
export const reductionIdentity = (fn: Reduction, dtype: DType): number => {
  switch (fn) {
    case 'sum':
      return 0
    case 'max':
      return dtype === 'f32' ? -Infinity : dtype === 'i32' ? -(2 ** 31) : 0
    case 'min':
      return dtype === 'f32' ? Infinity : dtype === 'i32' ? 2 ** 31 - 1 : 2 ** 32 - 1
  }
}
