/**
 * Gradients held against finite differences.
 *
 * The function and its gradient become two programs. Their numbers are compared along single elements and random directions: how
 * far apart they may be, and why, is in `finite-differences.ts`.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { invalidArgument } from '../tensor/fault.js'
import { literal, peek, type Literal } from '../tensor/literal.js'
import { attempt } from '../tensor/program/trace.js'
import { evaluateAll, showEvaluationError, type EvaluationError } from '../tensor/run/evaluate.js'
import { showShape, sizeOf, type Shape } from '../tensor/shape.js'
import { inputNode, type Tensor } from '../tensor/tensor.js'
import { threefry2x32 } from '../tensor/threefry.js'
import {
  device,
  dotProduct,
  evaluator,
  norm,
  numericDerivative,
  type Arrays,
  type Evaluate
} from './finite-differences.js'
import { floatEntries, ofFloats } from './floats.js'
import { grad, innerProduct, valueAndGrad } from './grad.js'

export type GradientCheckOptions = {
  /** 2 checks the gradient, and then the gradient of its product with a random direction. Default 1. */
  readonly order?: 1 | 2
  /** How many elements are checked one by one, spread evenly where there are more. Default 64. */
  readonly elements?: number
  /** How many random directions are checked, each through all elements at once. Default 2. */
  readonly directions?: number
  /** Which random directions and cotangents. Default 0. */
  readonly seed?: number
  /** The error allowed, relative to the value and the gradient's norm together. Default 1e-6. */
  readonly tolerance?: number
}

/** One derivative, computed twice. */
export type DerivativeComparison = {
  readonly order: 1 | 2
  readonly along:
    | { readonly _tag: 'Element'; readonly path: string; readonly index: ReadonlyArray<number> }
    | { readonly _tag: 'Direction'; readonly number: number }
  readonly analytic: number
  readonly numeric: number
  readonly error: number
  readonly allowed: number
}

export type GradientReport = {
  /** How many derivatives were compared. */
  readonly compared: number
  /** The one that came closest to failing; `undefined` where there was no element to compare. */
  readonly worst: DerivativeComparison | undefined
}

export type GradientError = EvaluationError | { readonly _tag: 'WrongGradient'; readonly worst: DerivativeComparison }

/**
 * Whether the gradient of `f` at `at` is what finite differences say it is.
 *
 * `at` is a tree of tensors; derivatives are checked for its f32 leaves, and the others (ids, masks) stay as they are. A
 * result that is not an f32 scalar, or a tree of results, is first multiplied by a fixed random cotangent and summed.
 * Elements should be of the order of 1, and further than 1e-4 from a kink. `Left` with `WrongGradient` carries the worst
 * comparison; a mistake in the expression is a `Left` as well.
 *
 *     gradientCheck((x: Tensor) => pipe(x, softmax()), tensor([1, 2, 3]), { order: 2 })
 */
export const gradientCheck = <P>(
  f: (at: P) => unknown,
  at: P,
  options: GradientCheckOptions = {}
): E.Either<GradientError, GradientReport> => {
  const { order = 1, seed = 0 } = options
  return pipe(
    evaluateAll(device)(at),
    E.chainW((values) => {
      const point = values as P
      const leaves = floatEntries(values) as ReadonlyArray<readonly [string, Literal]>
      const loss = (floats: ReadonlyArray<Tensor>): Tensor => scalarOf(ofFloats(f, point)(floats), seed)
      const first = checkOrder(loss, leaves, 1, options)
      if (order === 1) return first
      const toward = leaves.map(([, { shape }], i) => randomSigned(seed, purposes.secondOrder, i, shape))
      const slope = (floats: ReadonlyArray<Tensor>): Tensor => innerProduct(grad(loss)(floats), toward)
      return pipe(
        first,
        E.chain((a) =>
          pipe(
            checkOrder(slope, leaves, 2, options),
            E.map((b) => both(a, b))
          )
        )
      )
    })
  )
}

/** An error as text. */
export const showGradientError = (e: GradientError): string =>
  e._tag === 'WrongGradient' ? showComparison(e.worst) : showEvaluationError(e)

const showComparison = ({ order, along, analytic, numeric, error, allowed }: DerivativeComparison): string => {
  const what = order === 1 ? 'the gradient' : "the gradient of the gradient's product with a random direction"
  const where =
    along._tag === 'Direction'
      ? `along random direction ${along.number}`
      : `at ${along.path === '' ? 'element' : `'${along.path}', element`} ${showShape(along.index)}`
  return `${what} is wrong ${where}: analytic ${analytic}, numeric ${numeric} (error ${error}, allowed ${allowed})`
}

// ------------------------------------------------------------------ private

/** A sum that cancels to nothing keeps its terms' rounding: 25 roundings of terms of the order of 1, eps / h each. */
const cancellation = 1e-9

/** What random numbers are for: each use has a stream of its own. */
const purposes = { cotangent: 0, secondOrder: 1, direction: 2 } as const

/** Fixed numbers of magnitude 0.5 to 1.5 and random sign: none is so small that it would hide an element. */
const randomSigned = (seed: number, purpose: number, leaf: number, shape: Shape): Literal =>
  literal(
    shape,
    'f32',
    Float64Array.from({ length: sizeOf(shape) }, (_, i) => {
      const [size, sign] = threefry2x32([seed >>> 0, purpose], [i, leaf])
      return (0.5 + size / 2 ** 32) * (sign % 2 === 0 ? 1 : -1)
    })
  )

/** An f32 scalar as it is; anything else as the inner product of its f32 leaves with a random cotangent. */
const scalarOf = (result: unknown, seed: number): Tensor => {
  const outputs = floatEntries(result).map(([, y]) => y)
  const [first, ...rest] = outputs
  if (first === undefined) throw invalidArgument('gradientCheck', 'a function without f32 results', 'at least one')
  if (rest.length === 0 && first.shape.length === 0) return first
  return innerProduct(
    outputs,
    outputs.map(({ shape }, i) => randomSigned(seed, purposes.cotangent, i, shape))
  )
}

type Probe = { readonly along: DerivativeComparison['along']; readonly direction: Arrays; readonly scale: number }

const indexOf = (flat: number, shape: Shape): ReadonlyArray<number> =>
  shape.map((d, axis) => Math.floor(flat / sizeOf(shape.slice(axis + 1))) % d)

/** Unit vectors along single elements, and random unit vectors. */
const probesOf = (
  leaves: ReadonlyArray<readonly [string, Literal]>,
  x: Arrays,
  { elements = 64, directions = 2, seed = 0 }: GradientCheckOptions
): ReadonlyArray<Probe> => {
  const places = x.flatMap((leaf, i) => Array.from(leaf, (_, j) => [i, j] as const))
  if (places.length === 0) return []
  const stride = Math.ceil(places.length / elements)
  const single = places
    .filter((_, n) => n % stride === 0)
    .slice(0, elements)
    .map(([i, j]): Probe => {
      const [path, { shape }] = leaves[i]
      return {
        along: { _tag: 'Element', path, index: indexOf(j, shape) },
        direction: x.map((leaf, k) => leaf.map((_, l) => (k === i && l === j ? 1 : 0))),
        scale: Math.max(1, Math.abs(x[i][j]))
      }
    })
  const largest = x.reduce((m, leaf) => leaf.reduce((n, v) => Math.max(n, Math.abs(v)), m), 1)
  const random = Array.from({ length: directions }, (_, number): Probe => {
    const raw = leaves.map(([, { shape }], i) =>
      Float64Array.from(peek(randomSigned(seed, purposes.direction + number, i, shape)))
    )
    const length = norm(raw)
    return {
      along: { _tag: 'Direction', number },
      direction: raw.map((leaf) => leaf.map((v) => v / length)),
      scale: largest
    }
  })
  return [...single, ...random]
}

/** Values, gradient and their program: what the comparisons of one order are made from. */
type Checkable = {
  readonly order: 1 | 2
  readonly at: Arrays
  readonly valueAt: Evaluate
  readonly value: number
  readonly gradient: Arrays
}

/** Compiles a scalar function and its gradient, and computes both at the leaves' values. */
const checkable = (
  loss: (floats: ReadonlyArray<Tensor>) => Tensor,
  leaves: ReadonlyArray<readonly [string, Literal]>,
  order: 1 | 2
): E.Either<GradientError, Checkable> => {
  const at = leaves.map(([, leaf]) => Float64Array.from(peek(leaf)))
  const inputs = leaves.map(([path, { shape, dtype }]) => inputNode(path, shape, dtype))
  return pipe(
    attempt(() => valueAndGrad(loss)(inputs)),
    E.bindTo('built'),
    E.bindW('valueAt', ({ built }) => evaluator([built.value], inputs)),
    E.bindW('gradientAt', ({ built }) => evaluator(built.grads, inputs)),
    E.bindW('values', ({ valueAt }) => valueAt(at)),
    E.bindW('gradient', ({ gradientAt }) => gradientAt(at)),
    E.map(({ valueAt, values, gradient }) => ({ order, at, valueAt, value: values[0][0], gradient }))
  )
}

/** The derivative along a probe, computed twice. */
const compare =
  ({ order, at, valueAt, value, gradient }: Checkable, tolerance: number) =>
  ({ along, direction, scale }: Probe): E.Either<GradientError, DerivativeComparison> =>
    pipe(
      numericDerivative(valueAt, at, direction, scale),
      E.map((numeric) => {
        const analytic = dotProduct(gradient, direction)
        const allowed = tolerance * (Math.abs(value) + norm(gradient)) + cancellation
        return { order, along, analytic, numeric, error: Math.abs(analytic - numeric), allowed }
      })
    )

const worse = (
  a: DerivativeComparison | undefined,
  b: DerivativeComparison | undefined
): DerivativeComparison | undefined => (b !== undefined && (a === undefined || excess(b) > excess(a)) ? b : a)

/** Fails with the worst comparison where that is not allowed. */
const judge = (comparisons: ReadonlyArray<DerivativeComparison>): E.Either<GradientError, GradientReport> => {
  const worst = comparisons.reduce<DerivativeComparison | undefined>(worse, undefined)
  return worst !== undefined && excess(worst) > 1
    ? E.left({ _tag: 'WrongGradient', worst })
    : E.right({ compared: comparisons.length, worst })
}

/** Compares the gradient of a scalar function of the leaves with its differences along all probes. */
const checkOrder = (
  loss: (floats: ReadonlyArray<Tensor>) => Tensor,
  leaves: ReadonlyArray<readonly [string, Literal]>,
  order: 1 | 2,
  options: GradientCheckOptions
): E.Either<GradientError, GradientReport> =>
  pipe(
    checkable(loss, leaves, order),
    E.chain((made) =>
      pipe(probesOf(leaves, made.at, options), E.traverseArray(compare(made, options.tolerance ?? 1e-6)))
    ),
    E.chain(judge)
  )

/** The error as a share of what is allowed; without bound where either is not a number. */
const excess = ({ error, allowed }: DerivativeComparison): number => {
  const share = error / allowed
  return Number.isNaN(share) ? Infinity : share
}

const both = (a: GradientReport, b: GradientReport): GradientReport => ({
  compared: a.compared + b.compared,
  worst: worse(a.worst, b.worst)
})
