/**
 * Element-wise operations on four lanes: what `run/scalar.ts` defines for one element, as WebAssembly SIMD.
 *
 * A value is a v128: f32 as f32x4, i32 and u32 as i32x4, bool as lanes of all ones or all zeros. Operands must be code that
 * can stand several times: `get` of a local, or a constant.
 */

import type { DType } from '../../dtype.js'
import { type Binary, type Comparison, type Reduction, reductionIdentity, type Unary } from '../../elementwise.js'
import { get, set, type Code, type Scope } from './assembler.js'
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
export const constantLanes = (dtype: DType, value: number): Code => {
  switch (dtype) {
    case 'f32':
      return f32x4.all(value)
    case 'i32':
    case 'u32':
      return i32x4.all(value)
    case 'bool':
      return i32x4.all(value === 0 ? 0 : -1)
  }
}

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

/** 0 where the divisor is 0; and -2^31 / -1 wraps. */
const integerDivision =
  (fn: 'div' | 'rem', signed: boolean) =>
  (scope: Scope, x: Code, y: Code): Code => {
    const scalar = fn === 'div' ? (signed ? i32.divS : i32.divU) : signed ? i32.remS : i32.remU
    const traps = i32x4.eq(y, zero)
    const negates = i32x4.eq(y, minusOne)
    const divisor = scope.local('v128')
    const quotient = scope.local('v128')
    const divided = [
      set(divisor, v128.bitselect(one, y, signed ? v128.or(traps, negates) : traps)),
      set(quotient, perLane(scalar)(x, get(divisor)))
    ]
    // Divided by 1 instead, the remainder is 0 already.
    if (fn === 'rem') return [divided, get(quotient)]
    const value = signed ? v128.bitselect(i32x4.neg(x), get(quotient), negates) : get(quotient)
    return [divided, v128.andnot(value, traps)]
  }

/** What is known of the second operand beforehand. */
export type SecondOperand =
  | { readonly _tag: 'constant'; readonly value: number }
  /** The same in every lane. */
  | { readonly _tag: 'splat' }
  | { readonly _tag: 'lanes' }

const shift = (
  whole: (x: Code, count: Code) => Code,
  single: (x: Code, count: Code) => Code,
  x: Code,
  y: Code,
  operand: SecondOperand
): Code => {
  switch (operand._tag) {
    case 'constant':
      return whole(x, i32.const(operand.value))
    case 'splat':
      return whole(x, i32x4.extractLane(y, 0))
    case 'lanes':
      return perLane(single)(x, y)
  }
}

/**
 * The larger or the smaller, NaN where either is. With a number `c` on the right one instruction does for the eight of the
 * general case: `pmax` and `pmin` give `x` where they cannot compare.
 */
const floatExtreme = (fn: 'max' | 'min', x: Code, y: Code, operand: SecondOperand): Code => {
  const c = operand._tag === 'constant' ? Math.fround(operand.value) : NaN
  if (fn === 'max') {
    if (Number.isNaN(c)) return f32x4.max(x, y)
    // -0 and 0 compare equal, and 0 is the larger.
    return Object.is(c, 0) ? f32x4.add(f32x4.pmax(x, y), y) : f32x4.pmax(x, y)
  }
  return Number.isNaN(c) || Object.is(c, -0) ? f32x4.min(x, y) : f32x4.pmin(x, y)
}

const floatBinary = (math: MathLibrary, fn: Binary, x: Code, y: Code, operand: SecondOperand): Code => {
  switch (fn) {
    case 'add':
      return f32x4.add(x, y)
    case 'sub':
      return f32x4.sub(x, y)
    case 'mul':
      return f32x4.mul(x, y)
    case 'div':
      return f32x4.div(x, y)
    case 'pow':
      return math.pow(x, y)
    case 'max':
    case 'min':
      return floatExtreme(fn, x, y, operand)
    case 'rem':
    case 'and':
    case 'or':
    case 'xor':
    case 'shl':
    case 'shr':
      throw new Error(`${fn} of f32 passed the constructor's check`)
  }
}

/** Of i32, u32, and the bits of bool. */
const bitsBinary = (signed: boolean, fn: Binary, scope: Scope, x: Code, y: Code, operand: SecondOperand): Code => {
  switch (fn) {
    case 'add':
      return i32x4.add(x, y)
    case 'sub':
      return i32x4.sub(x, y)
    case 'mul':
      return i32x4.mul(x, y)
    case 'div':
    case 'rem':
      return integerDivision(fn, signed)(scope, x, y)
    case 'max':
      return signed ? i32x4.maxS(x, y) : i32x4.maxU(x, y)
    case 'min':
      return signed ? i32x4.minS(x, y) : i32x4.minU(x, y)
    case 'and':
      return v128.and(x, y)
    case 'or':
      return v128.or(x, y)
    case 'xor':
      return v128.xor(x, y)
    case 'shl':
      return shift(i32x4.shl, i32.shl, x, y, operand)
    case 'shr':
      return signed ? shift(i32x4.shrS, i32.shrS, x, y, operand) : shift(i32x4.shrU, i32.shrU, x, y, operand)
    case 'pow':
      throw new Error("pow of integers passed the constructor's check")
  }
}

const bitsUnary = (fn: Unary, x: Code): Code => {
  switch (fn) {
    case 'not':
      return v128.not(x)
    case 'neg':
      return i32x4.neg(x)
    case 'abs':
      return i32x4.abs(x)
    case 'sign':
      return i32x4.sub(i32x4.ltS(x, zero), i32x4.gtS(x, zero))
    case 'floor':
    case 'exp':
    case 'expm1':
    case 'log':
    case 'log1p':
    case 'sqrt':
    case 'rsqrt':
    case 'sin':
    case 'cos':
    case 'tanh':
    case 'erf':
    case 'sigmoid':
    case 'softplus':
      throw new Error(`${fn} of integers passed the constructor's check`)
  }
}

export type LaneOperations = {
  readonly unary: (fn: Unary, dtype: DType, x: Code) => Code
  readonly binary: (fn: Binary, dtype: DType, x: Code, y: Code, operand: SecondOperand) => Code
}

/** The operations that may need locals or calls, for one function. */
export const laneOperations = (math: MathLibrary, scope: Scope): LaneOperations => ({
  unary: (fn, dtype, x) => (dtype === 'f32' && fn !== 'not' ? math.unary(fn, scope, x) : bitsUnary(fn, x)),
  binary: (fn, dtype, x, y, operand) =>
    dtype === 'f32' ? floatBinary(math, fn, x, y, operand) : bitsBinary(dtype === 'i32', fn, scope, x, y, operand)
})

type Compare = (x: Code, y: Code) => Code

const floatComparison: Record<Comparison, Compare> = {
  eq: f32x4.eq,
  ne: f32x4.ne,
  lt: f32x4.lt,
  le: f32x4.le,
  gt: f32x4.gt,
  ge: f32x4.ge
}

const signedComparison: Record<Comparison, Compare> = {
  eq: i32x4.eq,
  ne: i32x4.ne,
  lt: i32x4.ltS,
  le: i32x4.leS,
  gt: i32x4.gtS,
  ge: i32x4.geS
}

const unsignedComparison: Record<Comparison, Compare> = {
  eq: i32x4.eq,
  ne: i32x4.ne,
  lt: i32x4.ltU,
  le: i32x4.leU,
  gt: i32x4.gtU,
  ge: i32x4.geU
}

/** `of` is the dtype of the operands; the result is bool. */
export const compareLanes = (fn: Comparison, of: DType, x: Code, y: Code): Code => {
  switch (of) {
    case 'f32':
      return floatComparison[fn](x, y)
    case 'i32':
    case 'bool':
      return signedComparison[fn](x, y)
    case 'u32':
      return unsignedComparison[fn](x, y)
  }
}

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

/** Two partial results of a reduction as one. */
export const combineLanes = (fn: Reduction, dtype: DType, x: Code, y: Code): Code => {
  switch (fn) {
    case 'sum':
      return dtype === 'f32' ? f32x4.add(x, y) : i32x4.add(x, y)
    case 'max':
      return dtype === 'f32' ? f32x4.max(x, y) : dtype === 'i32' ? i32x4.maxS(x, y) : i32x4.maxU(x, y)
    case 'min':
      return dtype === 'f32' ? f32x4.min(x, y) : dtype === 'i32' ? i32x4.minS(x, y) : i32x4.minU(x, y)
  }
}
