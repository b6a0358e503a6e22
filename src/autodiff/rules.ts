/**
 * The derivative of every primitive: from the cotangent of a node to the cotangents of its inputs.
 *
 * The tables are total: a primitive without a rule does not compile. A rule is linear in the cotangent and made of the
 * ordinary vocabulary, so what it returns can be differentiated again. Where the value that the program computes anyway
 * gives the derivative, the rule reads it instead of computing a second time. Only f32 carries cotangents; `undefined`
 * is a cotangent of zero that nobody has to compute.
 *
 * A cotangent of zero times an infinite derivative is NaN, as in every system of this kind. So
 * `where(positive, 0)(log(x))` has the gradient NaN where `x` is 0; guard the argument as well:
 * `where(positive, 0)(log(where(positive, 1)(x)))`.
 */

import { pipe } from 'fp-ts/lib/function.js'
import type { Binary, Unary } from '../tensor/elementwise.js'
import { invalidArgument } from '../tensor/fault.js'
import {
  abs,
  add,
  cast,
  cos,
  div,
  eq,
  exp,
  gt,
  log,
  lt,
  mul,
  ne,
  neg,
  not,
  or,
  pow,
  sigmoid,
  sign,
  sin,
  square,
  sub,
  where
} from '../tensor/ops/arithmetic.js'
import { broadcastTo, reshape } from '../tensor/ops/movement.js'
import { equalShapes, showShape, type Shape } from '../tensor/shape.js'
import {
  constantNode,
  gatherNode,
  padNode,
  permuteNode,
  reduceNode,
  scatterAddNode,
  sliceNode,
  type OpOf,
  type Tensor
} from '../tensor/tensor.js'
import { dotCotangents } from './contraction.js'

export type Cotangents = ReadonlyArray<Tensor | undefined>

// ------------------------------------------------------------ element-wise

type UnaryRule = (ct: Tensor, x: Tensor, y: Tensor) => Tensor | undefined

const flat: UnaryRule = () => undefined

const unary: Record<Unary, UnaryRule> = {
  neg: (ct) => neg(ct),
  // 0 at the kink, as `sign` is.
  abs: (ct, x) => pipe(ct, mul(sign(x))),
  sign: flat,
  floor: flat,
  exp: (ct, _, y) => pipe(ct, mul(y)),
  expm1: (ct, _, y) => pipe(ct, mul(pipe(y, add(1)))),
  log: (ct, x) => pipe(ct, div(x)),
  log1p: (ct, x) => pipe(ct, div(pipe(x, add(1)))),
  // y = sqrt x: 1 / (2 y).
  sqrt: (ct, _, y) => pipe(ct, mul(0.5), div(y)),
  // y = x^(-1/2): -y^3 / 2.
  rsqrt: (ct, _, y) => pipe(ct, mul(pipe(square(y), mul(y), mul(-0.5)))),
  sin: (ct, x) => pipe(ct, mul(cos(x))),
  cos: (ct, x) => pipe(ct, mul(neg(sin(x)))),
  // 1 - y^2.
  tanh: (ct, _, y) => pipe(ct, mul(pipe(square(y), neg, add(1)))),
  // 2 / sqrt(pi) exp(-x^2).
  erf: (ct, x) => pipe(ct, mul(pipe(square(x), neg, exp, mul(2 / Math.sqrt(Math.PI))))),
  // y (1 - y).
  sigmoid: (ct, _, y) => pipe(ct, mul(pipe(y, neg, add(1), mul(y)))),
  softplus: (ct, x) => pipe(ct, mul(sigmoid(x))),
  not: flat
}

type BinaryRule = (ct: Tensor, a: Tensor, b: Tensor, y: Tensor) => readonly [Tensor | undefined, Tensor | undefined]

const ofIntegersOnly: BinaryRule = () => [undefined, undefined]

/** None of `ct` where an operand loses, half of it where both tie, else all: so either side of a NaN gets it, as in PyTorch. */
const extremum =
  (losesTo: (other: Tensor) => (own: Tensor) => Tensor): BinaryRule =>
  (ct, a, b) => {
    const part = (loses: Tensor): Tensor => pipe(ct, mul(0.5), where(pipe(a, eq(b)), ct), where(not(loses), 0))
    return [part(pipe(a, losesTo(b))), part(pipe(b, losesTo(a)))]
  }

const binary: Record<Binary, BinaryRule> = {
  add: (ct) => [ct, ct],
  sub: (ct) => [ct, neg(ct)],
  mul: (ct, a, b) => [pipe(ct, mul(b)), pipe(ct, mul(a))],
  // d(a / b) / db = -(a / b) / b.
  div: (ct, _, b, y) => {
    const ofA = pipe(ct, div(b))
    return [ofA, neg(pipe(ofA, mul(y)))]
  },
  rem: ofIntegersOnly,
  pow: (ct, a, b, y) => [ofPowerBase(ct, a, b), ofPowerExponent(ct, a, b, y)],
  max: extremum(lt),
  min: extremum(gt),
  and: ofIntegersOnly,
  or: ofIntegersOnly,
  xor: ofIntegersOnly,
  shl: ofIntegersOnly,
  shr: ofIntegersOnly
}

/** The number that fills `x`, where `x` is a broadcast or reshaped constant. */
const constantOf = (x: Tensor): number | undefined => {
  let at = x
  while (at.op._tag === 'broadcast' || at.op._tag === 'reshape') [at] = at.inputs
  return at.op._tag === 'constant' ? at.op.value : undefined
}

/**
 * `d(a^b)/da = b a^(b-1)`, for negative bases too. `a^0` is 1 everywhere, so its derivative at 0 is 0; the formula would
 * say 0 times infinity there.
 */
const ofPowerBase = (ct: Tensor, a: Tensor, b: Tensor): Tensor | undefined => {
  const exponent = constantOf(b)
  if (exponent === 0) return undefined
  if (exponent !== undefined) return pipe(ct, mul(pipe(a, pow(exponent - 1), mul(exponent))))
  // A NaN is no number above 0 either.
  const guarded = pipe(b, where(pipe(a, abs, gt(0), or(pipe(b, ne(0)))), 1))
  return pipe(ct, mul(pipe(a, pow(pipe(guarded, sub(1))), mul(b))))
}

/**
 * `d(a^b)/db = a^b log a` for positive `a`; where `a` is 0 that is 0 for exponents from 0 on, their limit, and infinite for negative
 * ones; NaN where `a` is negative, since no neighbourhood of `b` gives real powers there. As PyTorch's.
 */
const ofPowerExponent = (ct: Tensor, a: Tensor, b: Tensor, y: Tensor): Tensor =>
  pipe(ct, mul(pipe(a, where(pipe(a, ne(0), or(pipe(b, lt(0)))), 1), log, mul(y))))

// -------------------------------------------------- reductions and movement

/** `y`, reduced from `x` over `axes`, stretched back to `x`'s shape. */
const expanded = (axes: ReadonlyArray<number>, shape: Shape, y: Tensor): Tensor =>
  pipe(y, reshape(shape.map((d, i) => (axes.includes(i) ? 1 : d))), broadcastTo(shape))

/** An extremum's cotangent is shared equally among the elements that attain it. None attains a NaN: then all get NaN. */
const reduced = ({ fn, axes }: OpOf<'reduce'>, ct: Tensor, x: Tensor, y: Tensor): Tensor => {
  switch (fn) {
    case 'sum':
      return expanded(axes, x.shape, ct)
    case 'max':
    case 'min': {
      const attains = pipe(x, eq(expanded(axes, x.shape, y)))
      const count = reduceNode('sum', axes, pipe(attains, cast('f32')))
      const [share, rest] = [pipe(ct, div(count)), pipe(constantNode(0, 'f32'), where(pipe(count, gt(0)), NaN))]
      return pipe(expanded(axes, x.shape, share), where(attains, expanded(axes, x.shape, rest)))
    }
  }
}

/** Sums over the axes that a broadcast added or stretched. */
const unbroadcast = (ct: Tensor, shape: Shape): Tensor => {
  const added = ct.shape.length - shape.length
  const axes = ct.shape.flatMap((d, i) => (i < added || (shape[i - added] === 1 && d !== 1) ? [i] : []))
  return reshape(shape)(reduceNode('sum', axes, ct))
}

/** Puts the cotangent of a slice back where the slice was read. */
const unsliced = ({ start, step }: OpOf<'slice'>, ct: Tensor, x: Tensor): Tensor => {
  const low = ct.shape.map((n, i) => (n === 0 ? x.shape[i] : start[i]))
  const high = ct.shape.map((n, i) => (n === 0 ? 0 : x.shape[i] - (start[i] + (n - 1) * step[i] + 1)))
  // Between the elements of an axis that has fewer than two there is nothing.
  const interior = ct.shape.map((n, i) => (n > 1 ? step[i] - 1 : 0))
  return padNode(low, high, interior, 0, ct)
}

const unconcatenated = (axis: number, ct: Tensor, parts: ReadonlyArray<Tensor>): Cotangents => {
  const ones = ct.shape.map(() => 1)
  let offset = 0
  return parts.map((part) => {
    const start = part.shape.map((_, i) => (i === axis ? offset : 0))
    offset += part.shape[axis]
    return sliceNode(start, ones, part.shape, ct)
  })
}

/** What a user's rule returned, held against the arguments it is for. */
const customCotangents = (found: Cotangents, args: ReadonlyArray<Tensor>): Cotangents => {
  if (found.length !== args.length)
    throw invalidArgument('customVjp', `${found.length} cotangents`, `${args.length}, one for each argument`)
  found.forEach((ct, i) => {
    const { dtype, shape } = args[i]
    if (ct !== undefined && !(dtype === 'f32' && ct.dtype === 'f32' && equalShapes(ct.shape, shape)))
      throw invalidArgument(
        'customVjp',
        `${ct.dtype}${showShape(ct.shape)} as the cotangent of argument ${i}`,
        dtype === 'f32' ? `f32${showShape(shape)}` : `undefined, since the argument is ${dtype}`
      )
  })
  return found
}

const inverse = (order: ReadonlyArray<number>): ReadonlyArray<number> => order.map((_, axis) => order.indexOf(axis))

// ----------------------------------------------------------------- the table

/**
 * The cotangents of `y`'s inputs, in their order, from the cotangent `ct` of `y` (f32, `y`'s shape).
 *
 * Throws `TensorFault` where a custom derivative gives a cotangent that is not its argument's.
 */
export const inputCotangents = (ct: Tensor, y: Tensor): Cotangents => {
  const { op, inputs } = y
  const [a, b] = inputs
  switch (op._tag) {
    case 'constant':
    case 'iota':
    case 'randomBits':
    case 'input':
    case 'literal':
    case 'compare':
    case 'stopGradient':
      return inputs.map(() => undefined)
    case 'identity':
      return [ct]
    case 'barrier':
      return [ct, undefined]
    case 'unary':
      return [unary[op.fn](ct, a, y)]
    case 'binary':
      return binary[op.fn](ct, a, b, y)
    case 'select':
      return [undefined, pipe(ct, where(a, 0)), pipe(ct, where(not(a), 0))]
    case 'cast':
      return [a.dtype === 'f32' ? ct : undefined]
    case 'reduce':
      return [reduced(op, ct, a, y)]
    case 'reshape':
      return [pipe(ct, reshape(a.shape))]
    case 'permute':
      return [permuteNode(inverse(op.order), ct)]
    case 'broadcast':
      return [unbroadcast(ct, a.shape)]
    case 'slice':
      return [unsliced(op, ct, a)]
    case 'pad':
      return [
        sliceNode(
          op.low,
          op.interior.map((n) => n + 1),
          a.shape,
          ct
        )
      ]
    case 'concat':
      return unconcatenated(op.axis, ct, inputs)
    case 'dot':
      return dotCotangents(op, ct, a, b)
    case 'gather':
      return [scatterAddNode(op.axis, a.shape, b, ct), undefined]
    case 'scatterAdd':
      return [undefined, gatherNode(op.axis, ct, a)]
    case 'custom':
      return [undefined, ...customCotangents(op.vjp(ct, y, inputs.slice(1)), inputs.slice(1))]
  }
}
