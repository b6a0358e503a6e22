/**
 * Element-wise operations on four lanes: what `run/scalar.ts` defines for one element, as WebAssembly SIMD.
 *
 * A value is a v128: f32 as f32x4, i32 and u32 as i32x4, bool as lanes of all ones or all zeros. Operands must be code that
 * can stand several times: a local, or a constant.
 */

import type { DType } from '../../dtype.js'
import {
  type Binary,
  type Comparison,
  type FloatBinary,
  type IntegerBinary,
  type IntegerUnary,
  type Reduction,
  reductionIdentity,
  rowOf,
  type Unary
} from '../../elementwise.js'
import { set, type Code, type Scope } from './assembler.js'
import * as f32x4 from './assembler/f32x4.js'
import * as i32 from './assembler/i32.js'
import * as i32x4 from './assembler/i32x4.js'
import * as v128 from './assembler/v128.js'
import type { MathLibrary } from './math.js'

/** How many lanes count: the rest hold anything. */
export type Lanes = 1 | 2 | 3 | 4

export const allLanes = [0, 1, 2, 3] as const

/** How many lanes of a vector the next `elements` fill. There is one at least. */
export const lanesIn = (elements: number): Lanes => (elements >= 4 ? 4 : elements === 3 ? 3 : elements === 2 ? 2 : 1)

/** The same number in every lane, rounded to the dtype. */
export const constantLanes = (dtype: DType, value: number): Code =>
  dtype === 'f32' ? f32x4.all(value) : i32x4.all(dtype === 'bool' && value !== 0 ? -1 : value)

export const identityLanes = (fn: Reduction, dtype: DType): Code => constantLanes(dtype, reductionIdentity(fn, dtype))

/** Lane by lane, of i32. */
const perLane =
  (f: (x: Code, y: Code) => Code) =>
  (x: Code, y: Code): Code =>
    allLanes
      .slice(1)
      .reduce<Code>(
        (lanes, l) => i32x4.replaceLane(lanes, f(i32x4.extractLane(x, l), i32x4.extractLane(y, l)), l),
        i32x4.splat(f(i32x4.extractLane(x, 0), i32x4.extractLane(y, 0)))
      )

const zero = i32x4.all(0)
const one = i32x4.all(1)
const minusOne = i32x4.all(-1)

/** What is known of the second operand beforehand. */
export type SecondOperand =
  | { readonly _tag: 'constant'; readonly value: number }
  /** The same in every lane. */
  | { readonly _tag: 'splat' }
  | { readonly _tag: 'lanes' }

type OnLanes = (x: Code, y: Code, second: SecondOperand) => Code

/** 0 where the divisor is 0; and -2^31 / -1 wraps. */
const integerDivision =
  (scope: Scope, fn: 'div' | 'rem', signed: boolean): OnLanes =>
  (x, y) => {
    const scalar = fn === 'div' ? (signed ? i32.divS : i32.divU) : signed ? i32.remS : i32.remU
    const traps = i32x4.eq(y, zero)
    const negates = i32x4.eq(y, minusOne)
    const [divisor, quotient] = scope.locals('v128', 2)
    const divided = [
      set(divisor, v128.bitselect(one, y, signed ? v128.or(traps, negates) : traps)),
      set(quotient, perLane(scalar)(x, divisor))
    ]
    // Divided by 1 instead, the remainder is 0 already.
    if (fn === 'rem') return [divided, quotient]
    const value = signed ? v128.bitselect(i32x4.neg(x), quotient, negates) : quotient
    return [divided, v128.andnot(value, traps)]
  }

const shift =
  (whole: (x: Code, count: Code) => Code, single: (x: Code, count: Code) => Code): OnLanes =>
  (x, y, second) => {
    switch (second._tag) {
      case 'constant':
        return whole(x, i32.const(second.value))
      case 'splat':
        return whole(x, i32x4.extractLane(y, 0))
      case 'lanes':
        return perLane(single)(x, y)
    }
  }

/** The number that every lane of the second operand is, NaN where that is not known. */
const knownNumber = (second: SecondOperand): number => (second._tag === 'constant' ? Math.fround(second.value) : NaN)

// The larger or the smaller, NaN where either is. With a number on the right one instruction does for the eight of the general
// case: `pmax` and `pmin` give `x` where they cannot compare.

const floatMax: OnLanes = (x, y, second) => {
  const c = knownNumber(second)
  if (Number.isNaN(c)) return f32x4.max(x, y)
  // -0 and 0 compare equal, and 0 is the larger.
  return Object.is(c, 0) ? f32x4.add(f32x4.pmax(x, y), y) : f32x4.pmax(x, y)
}

const floatMin: OnLanes = (x, y, second) => {
  const c = knownNumber(second)
  return Number.isNaN(c) || Object.is(c, -0) ? f32x4.min(x, y) : f32x4.pmin(x, y)
}

/** Of i32, u32, and the bits of bool. */
const bitsBinary = (scope: Scope, signed: boolean): Readonly<Record<IntegerBinary, OnLanes>> => ({
  add: i32x4.add,
  sub: i32x4.sub,
  mul: i32x4.mul,
  div: integerDivision(scope, 'div', signed),
  rem: integerDivision(scope, 'rem', signed),
  max: signed ? i32x4.maxS : i32x4.maxU,
  min: signed ? i32x4.minS : i32x4.minU,
  and: v128.and,
  or: v128.or,
  xor: v128.xor,
  shl: shift(i32x4.shl, i32.shl),
  shr: signed ? shift(i32x4.shrS, i32.shrS) : shift(i32x4.shrU, i32.shrU)
})

const bitsUnary: Readonly<Record<IntegerUnary, (x: Code) => Code>> = {
  not: v128.not,
  neg: i32x4.neg,
  abs: i32x4.abs,
  sign: (x) => i32x4.sub(i32x4.ltS(x, zero), i32x4.gtS(x, zero))
}

export type LaneOperations = {
  readonly unary: (fn: Unary, dtype: DType, x: Code) => Code
  readonly binary: (fn: Binary, dtype: DType, x: Code, y: Code, second: SecondOperand) => Code
}

/** The operations that may need locals or calls, for one function. */
export const laneOperations = (math: MathLibrary, scope: Scope): LaneOperations => {
  const floatBinary: Readonly<Record<FloatBinary, OnLanes>> = {
    add: f32x4.add,
    sub: f32x4.sub,
    mul: f32x4.mul,
    div: f32x4.div,
    pow: math.pow,
    max: floatMax,
    min: floatMin
  }
  return {
    unary: (fn, dtype, x) =>
      dtype === 'f32' ? rowOf(math.unary, fn, dtype)(scope, x) : rowOf(bitsUnary, fn, dtype)(x),
    binary: (fn, dtype, x, y, second) => {
      const table = dtype === 'f32' ? floatBinary : bitsBinary(scope, dtype === 'i32')
      return rowOf<string, OnLanes>(table, fn, dtype)(x, y, second)
    }
  }
}

type Compare = (x: Code, y: Code) => Code

const signedComparison: Readonly<Record<Comparison, Compare>> = {
  eq: i32x4.eq,
  ne: i32x4.ne,
  lt: i32x4.ltS,
  le: i32x4.leS,
  gt: i32x4.gtS,
  ge: i32x4.geS
}

/** By the dtype of the operands. */
const comparison: Readonly<Record<DType, Readonly<Record<Comparison, Compare>>>> = {
  f32: { eq: f32x4.eq, ne: f32x4.ne, lt: f32x4.lt, le: f32x4.le, gt: f32x4.gt, ge: f32x4.ge },
  i32: signedComparison,
  u32: { eq: i32x4.eq, ne: i32x4.ne, lt: i32x4.ltU, le: i32x4.leU, gt: i32x4.gtU, ge: i32x4.geU },
  bool: signedComparison
}

/** `of` is the dtype of the operands; the result is bool. */
export const compareLanes = (fn: Comparison, of: DType, x: Code, y: Code): Code => comparison[of][fn](x, y)

export const castLanes = (to: DType, from: DType, x: Code): Code => {
  if (to === from) return x
  switch (to) {
    case 'bool':
      return from === 'f32' ? f32x4.ne(x, zero) : i32x4.ne(x, zero)
    case 'f32':
      return from === 'bool'
        ? v128.and(x, f32x4.all(1))
        : from === 'i32'
          ? f32x4.convertI32x4S(x)
          : f32x4.convertI32x4U(x)
    case 'i32':
    case 'u32':
      if (from === 'bool') return i32x4.neg(x)
      if (from !== 'f32') return x
      return to === 'i32' ? i32x4.truncSatF32x4S(x) : i32x4.truncSatF32x4U(x)
  }
}

const unsignedReduction = { sum: i32x4.add, max: i32x4.maxU, min: i32x4.minU }

const reduction: Readonly<Record<DType, Readonly<Record<Reduction, (x: Code, y: Code) => Code>>>> = {
  f32: { sum: f32x4.add, max: f32x4.max, min: f32x4.min },
  i32: { sum: i32x4.add, max: i32x4.maxS, min: i32x4.minS },
  u32: unsignedReduction,
  bool: unsignedReduction
}

/** Two partial results of a reduction as one. */
export const combineLanes = (fn: Reduction, dtype: DType, x: Code, y: Code): Code => reduction[dtype][fn](x, y)
