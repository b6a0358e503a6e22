/**
 * Element-wise arithmetic, comparison and choice.
 *
 * Options first, tensor last: `pipe(x, sub(mean), div(deviation))` is `(x - mean) / deviation`. A second operand is a
 * tensor or a number; a number becomes a constant of the tensor's dtype (for an integer tensor it must be an integer in
 * range). Operands broadcast by NumPy's rule and are never converted: two dtypes in one operation are a `DTypeMismatch`,
 * shapes that do not fit a `ShapeMismatch`. What each operation does with integers, NaN and infinities is said once, in
 * `../elementwise.ts`.
 */

import type { DType } from '../dtype.js'
import type { Binary, Comparison, Unary } from '../elementwise.js'
import {
  binaryNode,
  castNode,
  compareNode,
  customNode,
  expectTensor,
  identityNode,
  selectNode,
  stopGradientNode,
  unaryNode,
  type CustomVjp,
  type Tensor
} from '../tensor.js'
import { commonShape, operandLike, stretch, type Operand } from './broadcast.js'

// Making an operation does nothing else: told so, bundlers leave out those that a page does not use.

/* @__NO_SIDE_EFFECTS__ */
const unary =
  (fn: Unary) =>
  (x: Tensor): Tensor =>
    unaryNode(fn, x)

/** With both operands of the shape that they have in common. */
/* @__NO_SIDE_EFFECTS__ */
const stretching =
  <Fn extends string>(node: (fn: Fn, a: Tensor, b: Tensor) => Tensor, fn: Fn) =>
  (b: Operand) =>
  (x: Tensor): Tensor => {
    const right = operandLike(fn, x, b)
    const shape = commonShape(fn, [x.shape, right.shape])
    return node(fn, stretch(shape, x), stretch(shape, right))
  }

type Dyadic = ReturnType<typeof stretching>

/* @__NO_SIDE_EFFECTS__ */
const binary = (fn: Binary): Dyadic => stretching(binaryNode, fn)

/* @__NO_SIDE_EFFECTS__ */
const comparison = (fn: Comparison): Dyadic => stretching(compareNode, fn)

// -------------------------------------------------------------- two operands

/** `x + b`. Integers wrap modulo 2^32. */
export const add = binary('add')

/** `x - b`. */
export const sub = binary('sub')

/** `x b`, element by element. */
export const mul = binary('mul')

/** `x / b`. Integers truncate toward zero; an integer divided by 0 is 0. */
export const div = binary('div')

/** Remainder of the truncating integer division, with the sign of `x`; 0 where `b` is 0. i32 and u32. */
export const rem = binary('rem')

/**
 * `x ^ b`. f32; NaN for a finite negative `x` and a finite `b` that is not an integer; `x ^ 0` and `1 ^ b` are 1, of NaN too. For
 * squares, `square` is exact and faster.
 */
export const pow = binary('pow')

/** The larger of the two, element by element; NaN where either is. (`max` is the reduction.) */
export const maximum = binary('max')

/** The smaller of the two, element by element; NaN where either is. */
export const minimum = binary('min')

/** Bitwise and; logical on bool. */
export const and = binary('and')

/** Bitwise or; logical on bool. */
export const or = binary('or')

/** Bitwise exclusive or; logical on bool. */
export const xor = binary('xor')

/** `x` shifted left by `b` bits, `b` taken modulo 32. i32 and u32. */
export const shl = binary('shl')

/** `x` shifted right by `b` bits, `b` taken modulo 32; the sign of an i32 is kept. */
export const shr = binary('shr')

// ---------------------------------------------------------------- comparison

/** Where `x = b`, as bool. NaN equals nothing. */
export const eq = comparison('eq')

/** Where `x != b`, as bool. */
export const ne = comparison('ne')

/** Where `x < b`, as bool. */
export const lt = comparison('lt')

/** Where `x <= b`, as bool. */
export const le = comparison('le')

/** Where `x > b`, as bool. */
export const gt = comparison('gt')

/** Where `x >= b`, as bool. */
export const ge = comparison('ge')

// --------------------------------------------------------------- one operand

/** `-x`. */
export const neg = unary('neg')

/** `|x|`. The absolute value of the smallest i32 wraps to itself. */
export const abs = unary('abs')

/** -1, 0 or 1, as `x` is negative, zero or positive. */
export const sign = unary('sign')

/** The largest integer not above `x`. f32. */
export const floor = unary('floor')

/** `e^x`. */
export const exp = unary('exp')

/** `e^x - 1`, accurate near 0. */
export const expm1 = unary('expm1')

/** Natural logarithm. */
export const log = unary('log')

/** `ln(1 + x)`, accurate near 0. */
export const log1p = unary('log1p')

/** Square root. */
export const sqrt = unary('sqrt')

/** `1 / sqrt(x)`. */
export const rsqrt = unary('rsqrt')

/** Sine of radians. */
export const sin = unary('sin')

/** Cosine of radians. */
export const cos = unary('cos')

/** Hyperbolic tangent. */
export const tanh = unary('tanh')

/** The error function, `2 / sqrt(pi)` times the integral of `exp(-t^2)` from 0 to `x`. */
export const erf = unary('erf')

/** `1 / (1 + e^-x)`. */
export const sigmoid = unary('sigmoid')

/** `ln(1 + e^x)`, finite for every finite `x`. */
export const softplus = unary('softplus')

/** Logical negation of bool, bitwise negation of integers. */
export const not = unary('not')

/** `x x`. */
export const square = (x: Tensor): Tensor => mul(x)(x)

/** `1 / x`. f32. */
export const reciprocal = (x: Tensor): Tensor => div(x)(operandLike('reciprocal', x, 1))

/** `max(x, 0)`; NaN of NaN. Its derivative is 0 where `x <= 0` and 1 elsewhere, of NaN too, as PyTorch's. */
export const relu = (x: Tensor): Tensor => {
  if (x.dtype !== 'f32') return maximum(0)(x)
  const placed = identityNode(x)
  const rule: CustomVjp = (ct, _, [at]) => [where(not(le(0)(at)), 0)(ct)]
  return customNode(rule, maximum(0)(placed), [placed])
}

/**
 * `x` held between `lo` and `hi`; NaN of NaN. Where `lo > hi` the result is `hi`.
 *
 * The derivative with respect to `x` is 1 where `lo <= x <= hi`, at the bounds too, and else 0. That with respect to a bound is 1 where
 * the bound is the result and `x` is not: `lo` where `x < lo < hi`, `hi` where `x > hi` or `lo > hi`. As PyTorch's.
 */
export const clip =
  (lo: Operand, hi: Operand) =>
  (x: Tensor): Tensor => {
    const bounds = [operandLike('clip', x, lo), operandLike('clip', x, hi)]
    const shape = commonShape(
      'clip',
      [x, ...bounds].map((operand) => operand.shape)
    )
    const placed = [x, ...bounds].map((operand) => identityNode(stretch(shape, operand)))
    const [of, low, high] = placed
    const clipped = minimum(high)(maximum(low)(of))
    return x.dtype === 'f32' ? customNode(clippedCotangents, clipped, placed) : clipped
  }

const clippedCotangents: CustomVjp = (ct, _, [x, low, high]) => {
  const only = (condition: Tensor): Tensor => where(condition, 0)(ct)
  return [
    only(and(le(high)(x))(ge(low)(x))),
    only(and(lt(high)(low))(lt(low)(x))),
    only(or(gt(high)(low))(gt(high)(x)))
  ]
}

// ------------------------------------------------------ choice and conversion

/**
 * `x` where `condition` holds, `otherwise` elsewhere: NumPy's `where(condition, x, otherwise)`.
 *
 * The condition is bool; all three broadcast together.
 */
export const where =
  (condition: Tensor, otherwise: Operand) =>
  (x: Tensor): Tensor => {
    const other = operandLike('where', x, otherwise)
    expectTensor('where', condition)
    const shape = commonShape('where', [condition.shape, x.shape, other.shape])
    return selectNode(stretch(shape, condition), stretch(shape, x), stretch(shape, other))
  }

/**
 * `x` in another dtype.
 *
 * f32 to integer truncates toward zero, saturates at the ends of the range and takes NaN to 0; between i32 and u32 the
 * bits stay; to bool is `x != 0`; bool gives 0 and 1; an integer to f32 rounds to nearest.
 */
export const cast =
  (dtype: DType) =>
  (x: Tensor): Tensor =>
    x.dtype === dtype ? x : castNode(dtype, x)

/** `x`, as a constant for differentiation: no cotangent flows through it. */
export const stopGradient = (x: Tensor): Tensor => stopGradientNode(x)
