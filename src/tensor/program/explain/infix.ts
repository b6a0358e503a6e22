/**
 * Expressions as people write them: operators between their operands, and no parentheses but those that are needed.
 *
 * Operands stay as they were grouped, since sums of floats in another order are other sums: `a + (b + c)` keeps its pair.
 */

import type { DType } from '../../dtype.js'
import type { Binary, Comparison, Unary } from '../../elementwise.js'

/** `binds` says how tightly its outermost operator holds it together. */
export type Written = { readonly text: string; readonly binds: number }

/** From the loosest to the tightest. */
const binding = { bits: 0, comparison: 1, sum: 2, product: 3, sign: 4, atom: 5 }

/** A name, a call: what never needs parentheses. */
export const atom = (text: string): Written => ({ text, binds: binding.atom })

export const call =
  (name: string) =>
  (...operands: ReadonlyArray<Written>): Written =>
    atom(`${name}(${operands.map(({ text }) => text).join(', ')})`)

const within = ({ text, binds }: Written, least: number): string => (binds >= least ? text : `(${text})`)

type Operator = (x: Written, y: Written) => Written

/** `left` and `right` are what operands must bind by to go without parentheses. */
const operator =
  (symbol: string, binds: number, left: number, right: number): Operator =>
  (x, y) => ({ text: `${within(x, left)} ${symbol} ${within(y, right)}`, binds })

/** Few know by heart how these bind: all but atoms in them, and they in all others, have parentheses. */
const bits = (symbol: string): Operator => operator(symbol, binding.bits, binding.sign, binding.sign)

const compared = (symbol: string): Operator => operator(symbol, binding.comparison, binding.sum, binding.sum)

const isSigned = ({ text }: Written): boolean => text.startsWith('-')

/** A right side that starts with a sign: `x - (-y)`. */
const unsigned = (y: Written): Written => (isSigned(y) ? atom(`(${y.text})`) : y)

const difference = operator('-', binding.sum, binding.sum, binding.product)

const total = operator('+', binding.sum, binding.sum, binding.product)

/** `x + (-y)` is `x - y`, to the bit. */
export const plus: Operator = (x, y) =>
  isSigned(y) && y.binds === binding.sign ? difference(x, atom(y.text.slice(1))) : total(x, unsigned(y))

export const times = operator('*', binding.product, binding.product, binding.sign)

const operators: Readonly<Record<Binary, Operator>> = {
  add: plus,
  sub: (x, y) => difference(x, unsigned(y)),
  mul: times,
  div: operator('/', binding.product, binding.product, binding.sign),
  rem: operator('%', binding.product, binding.product, binding.sign),
  pow: call('pow'),
  max: call('max'),
  min: call('min'),
  and: bits('&'),
  or: bits('|'),
  xor: bits('^'),
  shl: bits('<<'),
  shr: bits('>>')
}

export const writeBinary = (fn: Binary): Operator => operators[fn]

const comparisons: Readonly<Record<Comparison, Operator>> = {
  eq: compared('=='),
  ne: compared('!='),
  lt: compared('<'),
  le: compared('<='),
  gt: compared('>'),
  ge: compared('>=')
}

export const writeComparison = (fn: Comparison): Operator => comparisons[fn]

const prefixed = (sign: string, x: Written): Written => ({
  text: `${sign}${within(x, binding.atom)}`,
  binds: binding.sign
})

export const writeUnary = (fn: Unary, dtype: DType, x: Written): Written => {
  if (fn === 'neg') return prefixed('-', x)
  if (fn === 'not') return prefixed(dtype === 'bool' ? '!' : '~', x)
  return call(fn)(x)
}

/** Digits of an f32 that tell it from all others, or nearly. */
const digits = 7

const showNumber = (value: number): string => {
  if (Number.isNaN(value)) return 'nan'
  if (!Number.isFinite(value)) return value < 0 ? '-inf' : 'inf'
  if (Object.is(value, -0)) return '-0'
  return String(Number.isSafeInteger(value) ? value : Number(value.toPrecision(digits)))
}

export const writeConstant = (dtype: DType, value: number): Written => {
  if (dtype === 'bool') return atom(String(value !== 0))
  const text = showNumber(value)
  return text.startsWith('-') ? { text, binds: binding.sign } : atom(text)
}
