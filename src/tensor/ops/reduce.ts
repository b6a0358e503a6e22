/**
 * Reductions, and what is made of them: means, soft maxima, running sums.
 *
 * `axes` is one axis, a list, or absent for all of them; `keepDims` leaves the reduced axes in place with extent 1.
 */

import { pipe } from 'fp-ts/lib/function.js'
import type { Reduction } from '../elementwise.js'
import { dtypeMismatch, invalidArgument } from '../fault.js'
import { range } from '../range.js'
import { showShape } from '../shape.js'
import {
  customNode,
  expectTensor,
  identityNode,
  iotaNode,
  reduceNode,
  reshapeNode,
  resolveAxis,
  type CustomVjp,
  type Tensor
} from '../tensor.js'
import {
  abs,
  add,
  cast,
  div,
  eq,
  exp,
  log,
  lt,
  mul,
  ne,
  not,
  or,
  square,
  stopGradient,
  sub,
  where
} from './arithmetic.js'
import { pad, slice } from './movement.js'

export type ReduceOptions = {
  readonly axes?: number | ReadonlyArray<number>
  readonly keepDims?: boolean
}

const axesOf = (op: string, { axes }: ReduceOptions, x: Tensor): ReadonlyArray<number> => {
  expectTensor(op, x)
  const rank = x.shape.length
  if (axes === undefined) return range(rank)
  return (typeof axes === 'number' ? [axes] : axes).map((axis) => resolveAxis(op, axis, rank))
}

/** `x`, which was reduced over `axes` from `like`, with those axes back as extents of 1. */
const restored = (like: Tensor, axes: ReadonlyArray<number>, x: Tensor): Tensor =>
  reshapeNode(
    like.shape.map((d, i) => (axes.includes(i) ? 1 : d)),
    x
  )

// Told that making a reduction does nothing else, bundlers leave out those that a page does not use.

/* @__NO_SIDE_EFFECTS__ */
const reduce =
  (fn: Reduction) =>
  (options: ReduceOptions = {}) =>
  (x: Tensor): Tensor => {
    const axes = axesOf(fn, options, x)
    const reduced = reduceNode(fn, axes, x)
    return options.keepDims === true ? restored(x, axes, reduced) : reduced
  }

/** Sum over `axes`; 0 over no elements. f32, i32 and u32. */
export const sum = reduce('sum')

/** The largest over `axes`, NaN where there is one; over no elements the least value of the dtype (f32: -Infinity). */
export const max = reduce('max')

/** The smallest over `axes`, NaN where there is one; over no elements the greatest value of the dtype. */
export const min = reduce('min')

const expectFloat = (op: string, x: Tensor): void => {
  if (x.dtype !== 'f32') throw dtypeMismatch(op, [x.dtype], 'f32')
}

const countOf = (axes: ReadonlyArray<number>, x: Tensor): number => axes.reduce((n, axis) => n * x.shape[axis], 1)

/** Arithmetic mean over `axes`; NaN over no elements. f32. */
export const mean =
  (options: ReduceOptions = {}) =>
  (x: Tensor): Tensor => {
    expectFloat('mean', x)
    return pipe(x, sum(options), div(countOf(axesOf('mean', options, x), x)))
  }

/**
 * Variance over `axes`: `sum (x - mean)^2 / (n - ddof)`, in two passes.
 *
 * `ddof` is 0 for the variance of a population (the default), 1 for the unbiased estimate from a sample. NaN where
 * `n - ddof` is 0 and the numerator too. f32.
 */
export const variance =
  (options: ReduceOptions & { readonly ddof?: number } = {}) =>
  (x: Tensor): Tensor => {
    expectFloat('variance', x)
    const { ddof = 0 } = options
    const axes = axesOf('variance', options, x)
    return pipe(
      x,
      sub(mean({ axes, keepDims: true })(x)),
      square,
      sum({ ...options, axes }),
      div(Math.max(0, countOf(axes, x) - ddof))
    )
  }

/* @__NO_SIDE_EFFECTS__ */
const argExtreme =
  (fn: 'max' | 'min') =>
  (axis: number) =>
  (x: Tensor): Tensor => {
    const op = `arg${fn}`
    const at = resolveAxis(op, axis, x.shape.length)
    const extent = x.shape[at]
    if (extent === 0) throw invalidArgument(op, `shape ${showShape(x.shape)}`, `elements along axis ${axis}`)
    const extreme = reduce(fn)({ axes: at, keepDims: true })(x)
    // The extreme of a row with a NaN is NaN, which nothing equals: then only the NaN themselves are candidates.
    const attains = eq(extreme)(x)
    const isCandidate = x.dtype === 'f32' ? or(ne(x)(x))(attains) : attains
    return min({ axes: at })(where(isCandidate, extent)(iotaNode(x.shape, at, 'i32')))
  }

/**
 * Index of the largest element along `axis`, the first of equals, and the first NaN where there is one; i32, without that axis. Not
 * differentiable. NumPy's `argmax`.
 *
 * Fails with `InvalidArgument` for an axis without elements.
 */
export const argmax = argExtreme('max')

/** The same for the smallest element: NumPy's `argmin`. */
export const argmin = argExtreme('min')

/** Whether some element is true (or not 0); false over no elements. bool. */
export const any =
  (options: ReduceOptions = {}) =>
  (x: Tensor): Tensor =>
    // Through u32, whose empty maximum is 0.
    pipe(x, cast('bool'), cast('u32'), max(options), cast('bool'))

/** Whether every element is true (or not 0); true over no elements. bool. */
export const all =
  (options: ReduceOptions = {}) =>
  (x: Tensor): Tensor =>
    // Through u32, whose empty minimum is 2^32 - 1.
    pipe(x, cast('bool'), cast('u32'), min(options), cast('bool'))

/**
 * `ln sum exp x` over `axes`, without overflow: `m + ln sum exp(x - m)`, where `m` is the largest element.
 *
 * The logarithm of a sum of nothing, and of elements that are all -Infinity, is -Infinity, and its derivative 0. (PyTorch's is NaN.)
 * `m` is a constant for differentiation: the result does not depend on it. f32.
 */
export const logSumExp =
  (options: ReduceOptions = {}) =>
  (x: Tensor): Tensor => {
    expectFloat('logSumExp', x)
    const axes = axesOf('logSumExp', options, x)
    const largest = stopGradient(max({ axes, keepDims: true })(x))
    // An infinite maximum would give Infinity - Infinity; subtracting 0 leaves the infinities to exp and log.
    const m = where(lt(Infinity)(abs(largest)), 0)(largest)
    const total = pipe(x, sub(m), exp, sum({ axes, keepDims: true }))
    // A logarithm of 0 would have an infinite derivative, and that times the 0 of exp is NaN.
    const isNothing = eq(0)(total)
    const result = pipe(total, where(not(isNothing), 1), log, add(m), where(not(isNothing), -Infinity))
    return options.keepDims === true
      ? result
      : reshapeNode(
          x.shape.filter((_, i) => !axes.includes(i)),
          result
        )
  }

/** `x - max x` along an axis, the maximum a constant for differentiation. */
const shiftedByMax = (op: string, axis: number, x: Tensor): Tensor => {
  expectFloat(op, x)
  return sub(stopGradient(max({ axes: axis, keepDims: true })(x)))(x)
}

/**
 * `exp x / sum exp x` along `axis`; NaN where a row holds nothing above -Infinity. f32.
 *
 * Its derivative needs the result `y` and nothing else: the cotangent of x is `y (ct - sum ct y)`.
 */
export const softmax =
  (axis = -1) =>
  (x: Tensor): Tensor => {
    const along = { axes: axis, keepDims: true } as const
    const placed = identityNode(x)
    const weights = exp(shiftedByMax('softmax', axis, placed))
    const rule: CustomVjp = (ct, y) => [pipe(ct, sub(pipe(ct, mul(y), sum(along))), mul(y))]
    return customNode(rule, div(sum(along)(weights))(weights), [placed])
  }

/** `ln softmax x = x - ln sum exp x` along `axis`, without the cancellation of taking the logarithm of a softmax. f32. */
export const logSoftmax =
  (axis = -1) =>
  (x: Tensor): Tensor => {
    const shifted = shiftedByMax('logSoftmax', axis, x)
    return sub(log(sum({ axes: axis, keepDims: true })(exp(shifted))))(shifted)
  }

/**
 * Running sums along `axis`: `out[i] = x[0] + ... + x[i]`. f32, i32 and u32.
 *
 * A scan of ceil(log2 n) steps, each adding the tensor shifted by 1, 2, 4, ...: `n log n` additions, and rounding errors that
 * grow with `log n` (Hillis and Steele, "Data parallel algorithms", CACM 1986).
 */
export const cumsum =
  (axis: number) =>
  (x: Tensor): Tensor => {
    const at = resolveAxis('cumsum', axis, x.shape.length)
    const extent = x.shape[at]
    let running = x
    for (let by = 1; by < extent; by *= 2) {
      const shifted = pipe(
        running,
        slice(x.shape.map((_, i) => (i === at ? [0, extent - by] : null))),
        pad(x.shape.map((_, i) => (i === at ? [by, 0] : [0, 0])))
      )
      running = add(shifted)(running)
    }
    return running
  }
