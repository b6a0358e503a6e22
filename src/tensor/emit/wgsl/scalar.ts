/**
 * Every element-wise primitive as a WGSL expression for one element.
 *
 * Operands are names or literals, and may stand several times. Integers, bool, comparisons, casts, `max`, `min` and the signs are
 * exact, of subnormal numbers and NaN too; `bounds.ts` says how far from the exact value the other functions of f32 are.
 * Arithmetic with a literal 0 is as good as the driver's algebra: `x + 0` may be `x` for -0, and `x * 0` be 0 for NaN and negative `x`.
 */

import type { DType } from '../../dtype.js'
import {
  reductionIdentity,
  rowOf,
  type Binary,
  type Comparison,
  type FloatBinary,
  type FloatUnary,
  type IntegerBinary,
  type IntegerUnary,
  type Reduction,
  type Unary
} from '../../elementwise.js'
import { bitsOf, float } from './math/source.js'

export { library } from './library.js'

/** The WGSL type of a dtype in a register. In memory a bool is a u32, 0 or 1. */
export const typeOf = (dtype: DType): string => dtype

const leastNormal = 2 ** -126

/** Of an f32 a literal where WGSL has one for it, and else a call: not even a negative zero survives every compiler. */
const floatConstant = (value: number): string => {
  const x = Math.fround(value)
  const isPlain = Object.is(x, 0) || (Math.abs(x) >= leastNormal && Math.abs(x) < Infinity)
  return isPlain ? inBrackets(float(x)) : `pe_float(${bitsOf(x)})`
}

/** What begins with a sign would make another operator of a sign before it. */
const inBrackets = (literal: string): string => (literal.startsWith('-') ? `(${literal})` : literal)

export const constant = (dtype: DType, value: number): string => {
  switch (dtype) {
    case 'f32':
      return floatConstant(value)
    case 'i32':
      // The least has no literal.
      return `i32(${value | 0})`
    case 'u32':
      return `${value >>> 0}u`
    case 'bool':
      return value === 0 ? 'false' : 'true'
  }
}

type Print1 = (x: string) => string
type Print2 = (x: string, y: string) => string

const call =
  (name: string): Print1 & Print2 =>
  (...operands: ReadonlyArray<string>) =>
    `${name}(${operands.join(', ')})`

const infix =
  (operator: string): Print2 =>
  (x, y) =>
    `(${x} ${operator} ${y})`

const floatUnary: Record<FloatUnary, Print1> = {
  neg: call('pe_neg'),
  abs: call('pe_abs'),
  sign: call('pe_sign'),
  floor: call('pe_floor'),
  exp: call('pe_exp'),
  expm1: call('pe_expm1'),
  log: call('pe_log'),
  log1p: call('pe_log1p'),
  sqrt: call('pe_sqrt'),
  rsqrt: call('pe_rsqrt'),
  sin: call('pe_sin'),
  cos: call('pe_cos'),
  tanh: call('pe_tanh'),
  erf: call('pe_erf'),
  sigmoid: call('pe_sigmoid'),
  softplus: call('pe_softplus')
}

const integerUnary: Record<IntegerUnary, Print1> = {
  neg: (x) => `(-${x})`,
  abs: call('abs'),
  sign: call('sign'),
  not: (x) => `(~${x})`
}

const isName = (x: string): boolean => /^[A-Za-z_]\w*$/.test(x) && x !== 'true' && x !== 'false'

/** With an operand that compilers do not know: of literals alone they would compute the result, where overflow is an error. */
const unknown = (dtype: Exclude<DType, 'bool'>, x: string, ...others: ReadonlyArray<string>): string =>
  [x, ...others].some(isName) ? x : `pe_${dtype}(${x})`

export const unary = (fn: Unary, dtype: DType, x: string): string => {
  switch (dtype) {
    case 'f32':
      return rowOf(floatUnary, fn, dtype)(x)
    case 'i32':
    case 'u32':
      return rowOf(integerUnary, fn, dtype)(unknown(dtype, x))
    case 'bool':
      return rowOf({ not: (of: string) => `(!${of})` }, fn, dtype)(x)
  }
}

const floatBinary: Record<FloatBinary, Print2> = {
  add: infix('+'),
  sub: infix('-'),
  mul: infix('*'),
  div: infix('/'),
  pow: call('pe_pow'),
  max: call('pe_max'),
  min: call('pe_min')
}

/** Shifts count in u32, and not as far as the width. */
const shift =
  (operator: string): Print2 =>
  (x, y) =>
    `(${x} ${operator} (u32(${y}) & 31u))`

const integerBinary = (dtype: 'i32' | 'u32'): Record<IntegerBinary, Print2> => ({
  add: infix('+'),
  sub: infix('-'),
  mul: infix('*'),
  div: call(`pe_${dtype}_div`),
  rem: call(`pe_${dtype}_rem`),
  max: call('max'),
  min: call('min'),
  and: infix('&'),
  or: infix('|'),
  xor: infix('^'),
  shl: shift('<<'),
  shr: shift('>>')
})

const integer = { i32: integerBinary('i32'), u32: integerBinary('u32') }

const boolBinary = { and: infix('&'), or: infix('|'), xor: infix('!=') } satisfies Partial<Record<Binary, Print2>>

export const binary = (fn: Binary, dtype: DType, x: string, y: string): string => {
  switch (dtype) {
    case 'f32':
      return rowOf(floatBinary, fn, dtype)(unknown(dtype, x, y), y)
    case 'i32':
    case 'u32':
      return rowOf(integer[dtype], fn, dtype)(unknown(dtype, x, y), y)
    case 'bool':
      return rowOf(boolBinary, fn, dtype)(x, y)
  }
}

const swapped =
  (print: Print2): Print2 =>
  (x, y) =>
    print(y, x)

const floatComparison: Record<Comparison, Print2> = {
  eq: call('pe_eq'),
  ne: (x, y) => `(!pe_eq(${x}, ${y}))`,
  lt: call('pe_lt'),
  le: call('pe_le'),
  gt: swapped(call('pe_lt')),
  ge: swapped(call('pe_le'))
}

const exactComparison: Record<Comparison, Print2> = {
  eq: infix('=='),
  ne: infix('!='),
  lt: infix('<'),
  le: infix('<='),
  gt: infix('>'),
  ge: infix('>=')
}

/** The result is bool. */
export const compare = (fn: Comparison, of: DType, x: string, y: string): string =>
  (of === 'f32' ? floatComparison : exactComparison)[fn](x, y)

/** The condition is bool; the others have one dtype. Both are evaluated. */
export const select = (condition: string, ifTrue: string, ifFalse: string): string =>
  `select(${ifFalse}, ${ifTrue}, ${condition})`

const same: Print1 = (x) => x

const fromBool = (to: 'f32' | 'i32' | 'u32'): Print1 => {
  const [zero, one] = [constant(to, 0), constant(to, 1)]
  return (x) => select(x, one, zero)
}

/** By what a dtype becomes, and what it was. */
const casts: Record<DType, Record<DType, Print1>> = {
  f32: { f32: same, i32: call('pe_f32_of_i32'), u32: call('pe_f32_of_u32'), bool: fromBool('f32') },
  i32: { f32: call('pe_i32_of_f32'), i32: same, u32: call('i32'), bool: fromBool('i32') },
  u32: { f32: call('pe_u32_of_f32'), i32: call('u32'), u32: same, bool: fromBool('u32') },
  bool: { f32: (x) => `(pe_size(${x}) != 0u)`, i32: (x) => `(${x} != 0)`, u32: (x) => `(${x} != 0)`, bool: same }
}

export const cast = (to: DType, from: DType, x: string): string => casts[to][from](x)

/** Of two partial results of a reduction. */
export const combine = (fn: Reduction, dtype: DType, x: string, y: string): string =>
  binary(fn === 'sum' ? 'add' : fn, dtype, x, y)

/** The reduction of nothing. */
export const identity = (fn: Reduction, dtype: DType): string => constant(dtype, reductionIdentity(fn, dtype))
