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

import { dtypes, type DType } from './dtype.js'

/** What is quick takes a processor about as long as loading an operand, what is not many times that. */
type Signature<D extends DType = DType> = { readonly accepts: ReadonlyArray<D>; readonly isQuick: boolean }

const quick = <D extends DType>(accepts: ReadonlyArray<D>): Signature<D> => ({ accepts, isQuick: true })
const slow = <D extends DType>(accepts: ReadonlyArray<D>): Signature<D> => ({ accepts, isQuick: false })

const float = ['f32'] as const
const signed = ['f32', 'i32'] as const
export const numeric = ['f32', 'i32', 'u32'] as const
const integer = ['i32', 'u32'] as const
const bits = ['i32', 'u32', 'bool'] as const

/** One operand; the result has its dtype. `not` is logical on bool, bitwise on integers. */
export const unaries = {
  neg: quick(signed),
  abs: quick(signed),
  sign: quick(signed),
  floor: quick(float),
  exp: slow(float),
  expm1: slow(float),
  log: slow(float),
  log1p: slow(float),
  sqrt: slow(float),
  rsqrt: slow(float),
  sin: slow(float),
  cos: slow(float),
  tanh: slow(float),
  erf: slow(float),
  sigmoid: slow(float),
  softplus: slow(float),
  not: quick(bits)
} satisfies Record<string, Signature>

/** Two operands of one shape and dtype; the result has that dtype. */
export const binaries = {
  add: quick(numeric),
  sub: quick(numeric),
  mul: quick(numeric),
  div: slow(numeric),
  rem: slow(integer),
  pow: slow(float),
  max: quick(numeric),
  min: quick(numeric),
  and: quick(bits),
  or: quick(bits),
  xor: quick(bits),
  shl: quick(integer),
  shr: quick(integer)
} satisfies Record<string, Signature>

/** Two operands of one shape and dtype; the result is bool. Any comparison with NaN is false, but for `ne`. */
export const comparisons = {
  eq: quick(dtypes),
  ne: quick(dtypes),
  lt: quick(numeric),
  le: quick(numeric),
  gt: quick(numeric),
  ge: quick(numeric)
} satisfies Record<string, Signature>

/** The functions of a table that take a dtype. */
type Accepting<Table extends Record<string, Signature>, D extends DType> = {
  [Fn in keyof Table]: D extends Table[Fn]['accepts'][number] ? Fn : never
}[keyof Table]

export type Unary = keyof typeof unaries
export type Binary = keyof typeof binaries
export type Comparison = keyof typeof comparisons
export type Reduction = 'sum' | 'max' | 'min'

export type FloatUnary = Accepting<typeof unaries, 'f32'>
export type FloatBinary = Accepting<typeof binaries, 'f32'>
export type IntegerUnary = Accepting<typeof unaries, 'i32'>
export type IntegerBinary = Accepting<typeof binaries, 'i32'>

export const acceptsUnary = (fn: Unary): ReadonlyArray<DType> => unaries[fn].accepts
export const acceptsBinary = (fn: Binary): ReadonlyArray<DType> => binaries[fn].accepts
export const acceptsComparison = (fn: Comparison): ReadonlyArray<DType> => comparisons[fn].accepts

/** The row of a function in a table of those that take a dtype: the constructors of nodes let no others through. */
export const rowOf = <Fn extends string, Row>(table: Readonly<Record<Fn, Row>>, fn: string, dtype: DType): Row => {
  if (!(fn in table)) throw new Error(`${fn} of ${dtype} passed the constructor's check`)
  return table[fn as Fn]
}

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
