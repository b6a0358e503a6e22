/**
 * Element-wise operations as JavaScript expressions.
 *
 * f32 is computed in double precision and rounded where it is stored; a bool is a JavaScript boolean; i32 is a number in
 * [-2^31, 2^31), u32 one in [0, 2^32). Each table is total: a new operation does not compile until it has a row here.
 */

import type { DType } from '../dtype.js'
import type { Binary, Comparison, Unary } from '../elementwise.js'

type Print = (x: string) => string
type PrintTwo = (x: string, y: string) => string

/** Names that emitted code may use, besides `Math`. `run/js.ts` hands them in. */
export const scalarNames = ['erf', 'sigmoid', 'softplus'] as const
export type ScalarName = (typeof scalarNames)[number]

const floatUnary: Record<Exclude<Unary, 'not'>, Print> = {
  neg: (x) => `(-${x})`,
  abs: (x) => `Math.abs(${x})`,
  sign: (x) => `Math.sign(${x})`,
  floor: (x) => `Math.floor(${x})`,
  exp: (x) => `Math.exp(${x})`,
  expm1: (x) => `Math.expm1(${x})`,
  log: (x) => `Math.log(${x})`,
  log1p: (x) => `Math.log1p(${x})`,
  sqrt: (x) => `Math.sqrt(${x})`,
  rsqrt: (x) => `(1 / Math.sqrt(${x}))`,
  sin: (x) => `Math.sin(${x})`,
  cos: (x) => `Math.cos(${x})`,
  tanh: (x) => `Math.tanh(${x})`,
  erf: (x) => `erf(${x})`,
  sigmoid: (x) => `sigmoid(${x})`,
  softplus: (x) => `softplus(${x})`
}

const floatBinary: Record<Exclude<Binary, 'rem' | 'and' | 'or' | 'xor' | 'shl' | 'shr'>, PrintTwo> = {
  add: (x, y) => `(${x} + ${y})`,
  sub: (x, y) => `(${x} - ${y})`,
  mul: (x, y) => `(${x} * ${y})`,
  div: (x, y) => `(${x} / ${y})`,
  pow: (x, y) => `Math.pow(${x}, ${y})`,
  max: (x, y) => `Math.max(${x}, ${y})`,
  min: (x, y) => `Math.min(${x}, ${y})`
}

/**
 * Before wrapping, which truncates: a quotient of two words is exact enough in double precision for that, and division by
 * 0 gives an infinity or NaN, which wraps to 0.
 */
const integerBinary: Record<Exclude<Binary, 'pow' | 'shr'>, PrintTwo> = {
  add: (x, y) => `(${x} + ${y})`,
  sub: (x, y) => `(${x} - ${y})`,
  mul: (x, y) => `Math.imul(${x}, ${y})`,
  div: (x, y) => `(${x} / ${y})`,
  rem: (x, y) => `(${x} % ${y})`,
  max: (x, y) => `Math.max(${x}, ${y})`,
  min: (x, y) => `Math.min(${x}, ${y})`,
  and: (x, y) => `(${x} & ${y})`,
  or: (x, y) => `(${x} | ${y})`,
  xor: (x, y) => `(${x} ^ ${y})`,
  shl: (x, y) => `(${x} << ${y})`
}

const boolBinary: Record<'and' | 'or' | 'xor', PrintTwo> = {
  and: (x, y) => `(${x} && ${y})`,
  or: (x, y) => `(${x} || ${y})`,
  xor: (x, y) => `(${x} !== ${y})`
}

const comparisons: Record<Comparison, string> = { eq: '===', ne: '!==', lt: '<', le: '<=', gt: '>', ge: '>=' }

const wrap = (dtype: 'i32' | 'u32', x: string): string => (dtype === 'i32' ? `(${x} | 0)` : `(${x} >>> 0)`)

const refused = (fn: string, dtype: DType): never => {
  throw new Error(`${fn} of ${dtype} passed the constructor's check`)
}

export const printUnary = (fn: Unary, dtype: DType, x: string): string => {
  switch (dtype) {
    case 'f32':
      return fn === 'not' ? refused(fn, dtype) : floatUnary[fn](x)
    case 'i32':
    case 'u32':
      return wrap(dtype, fn === 'not' ? `(~${x})` : floatUnary[fn](x))
    case 'bool':
      return fn === 'not' ? `(!${x})` : refused(fn, dtype)
  }
}

export const printBinary = (fn: Binary, dtype: DType, x: string, y: string): string => {
  switch (dtype) {
    case 'f32':
      switch (fn) {
        case 'add':
        case 'sub':
        case 'mul':
        case 'div':
        case 'pow':
        case 'max':
        case 'min':
          return floatBinary[fn](x, y)
        case 'rem':
        case 'and':
        case 'or':
        case 'xor':
        case 'shl':
        case 'shr':
          return refused(fn, dtype)
      }
    case 'i32':
    case 'u32':
      if (fn === 'pow') return refused(fn, dtype)
      if (fn === 'shr') return dtype === 'i32' ? `(${x} >> ${y})` : `(${x} >>> ${y})`
      return wrap(dtype, integerBinary[fn](x, y))
    case 'bool':
      return fn === 'and' || fn === 'or' || fn === 'xor' ? boolBinary[fn](x, y) : refused(fn, dtype)
  }
}

export const printCompare = (fn: Comparison, x: string, y: string): string => `(${x} ${comparisons[fn]} ${y})`

/** f32 to integer saturates and takes NaN to 0; the bit operators would wrap. */
export const printCast = (to: DType, from: DType, x: string): string => {
  switch (to) {
    case 'f32':
      return from === 'bool' ? `(${x} ? 1 : 0)` : `Math.fround(${x})`
    case 'bool':
      return from === 'bool' ? x : `(${x} !== 0)`
    case 'i32':
      if (from === 'bool') return `(${x} ? 1 : 0)`
      return from === 'f32' ? `(Math.min(2147483647, Math.max(-2147483648, ${x})) | 0)` : `(${x} | 0)`
    case 'u32':
      if (from === 'bool') return `(${x} ? 1 : 0)`
      return from === 'f32' ? `(Math.min(4294967295, Math.max(0, ${x})) >>> 0)` : `(${x} >>> 0)`
  }
}

/** A literal of a dtype. f32 is rounded here, so that a comparison with a stored f32 can be exact. */
export const printNumber = (dtype: DType, value: number): string => {
  if (dtype === 'bool') return value !== 0 ? 'true' : 'false'
  const x = dtype === 'f32' ? Math.fround(value) : value
  if (Number.isNaN(x)) return 'NaN'
  return x < 0 || Object.is(x, -0) ? `(${Object.is(x, -0) ? '-0' : String(x)})` : String(x)
}

/** What a device stores for a value, and back. */
export const printStored = (dtype: DType, x: string): string => (dtype === 'bool' ? `(${x} ? 1 : 0)` : x)
export const printLoaded = (dtype: DType, x: string): string => (dtype === 'bool' ? `(${x} !== 0)` : x)
