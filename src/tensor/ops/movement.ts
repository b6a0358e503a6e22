/**
 * Operations that move elements and compute nothing: reshaping, reordering, stretching, cutting and joining.
 *
 * Axes may be negative and then count from the back. All dtypes.
 */

import { axisOutOfRange, invalidArgument, shapeMismatch } from '../fault.js'
import { showShape, sizeOf, type Shape } from '../shape.js'
import {
  broadcastNode,
  concatNode,
  expectExtents,
  gatherNode,
  iotaNode,
  padNode,
  permuteNode,
  resolveAxis,
  reshapeNode,
  sliceNode,
  type Tensor
} from '../tensor.js'
import { sub } from './arithmetic.js'
import { operandLike } from './broadcast.js'

const rankOf = (x: Tensor): number => x.shape.length

/**
 * The same elements in row-major order under another shape. One extent may be -1 and is then what is left over.
 *
 * Fails with `ShapeMismatch` where the numbers of elements differ, or where -1 has no single answer.
 */
export const reshape =
  (shape: Shape) =>
  (x: Tensor): Tensor => {
    const open = shape.indexOf(-1)
    if (open < 0) return reshapeNode(shape, x)
    const known = shape.filter((_, i) => i !== open)
    expectExtents('reshape', known)
    const left = sizeOf(x.shape) / sizeOf(known)
    if (!Number.isInteger(left)) throw shapeMismatch('reshape', x.shape, shape)
    return reshapeNode(
      shape.map((d, i) => (i === open ? left : d)),
      x
    )
  }

/** Axes in another order: `out.shape[i] = x.shape[order[i]]`. `order` names each axis once. */
export const permute =
  (order: ReadonlyArray<number>) =>
  (x: Tensor): Tensor =>
    permuteNode(order, x)

/** The last two axes swapped: `[..., m, n]` to `[..., n, m]`. */
export const transpose = (x: Tensor): Tensor => {
  const rank = rankOf(x)
  if (rank < 2) throw axisOutOfRange('transpose', -2, rank)
  return permuteNode([...Array.from({ length: rank - 2 }, (_, i) => i), rank - 1, rank - 2], x)
}

/** Stretched to `shape` by NumPy's rule: axes of extent 1 repeat, missing axes appear in front. */
export const broadcastTo =
  (shape: Shape) =>
  (x: Tensor): Tensor =>
    broadcastNode(shape, x)

/** A new axis of extent 1, at `axis` of the result. */
export const expandDims =
  (axis: number) =>
  (x: Tensor): Tensor => {
    const at = resolveAxis('expandDims', axis, rankOf(x) + 1)
    return reshapeNode([...x.shape.slice(0, at), 1, ...x.shape.slice(at)], x)
  }

/** Without `axis`, whose extent must be 1. */
export const squeeze =
  (axis: number) =>
  (x: Tensor): Tensor => {
    const at = resolveAxis('squeeze', axis, rankOf(x))
    if (x.shape[at] !== 1)
      throw invalidArgument('squeeze', `axis ${axis} of shape ${showShape(x.shape)}`, 'an axis of extent 1')
    return reshapeNode(
      x.shape.filter((_, i) => i !== at),
      x
    )
  }

/** From `start` up to, not including, `end` (`null`: the end of the axis), every `step`-th. `null`: the whole axis. */
export type Range = readonly [start: number, end: number | null, step?: number] | null

/**
 * Part of each axis, as Python slices: `slice([[1, -1], null, [0, null, 2]])` is `x[1:-1, :, 0::2]`.
 *
 * Negative bounds count from the back and bounds beyond the axis stop at its ends. Axes that are not listed stay whole.
 * Steps are positive; `flip` reverses.
 */
export const slice =
  (ranges: ReadonlyArray<Range>) =>
  (x: Tensor): Tensor => {
    if (ranges.length > rankOf(x)) throw axisOutOfRange('slice', ranges.length - 1, rankOf(x))
    const cuts = x.shape.map((extent, i) => cut(ranges[i] ?? null, extent))
    return sliceNode(
      cuts.map((c) => c.start),
      cuts.map((c) => c.step),
      cuts.map((c) => c.count),
      x
    )
  }

const cut = (
  range: Range,
  extent: number
): { readonly start: number; readonly step: number; readonly count: number } => {
  const [from, to, step = 1] = range ?? [0, null]
  if (![from, to ?? 0, step].every(Number.isInteger) || step < 1)
    throw invalidArgument('slice', `[${from}, ${to}, ${step}]`, 'integer bounds and a step of at least 1')
  const bound = (v: number): number => Math.min(extent, Math.max(0, v < 0 ? v + extent : v))
  const start = bound(from)
  const end = to === null ? extent : bound(to)
  return { start, step, count: Math.max(0, Math.ceil((end - start) / step)) }
}

/** `value` around `x`: `widths[i]` is how many before and after it on axis `i`. */
export const pad =
  (widths: ReadonlyArray<readonly [low: number, high: number]>, value = 0) =>
  (x: Tensor): Tensor => {
    if (widths.length !== rankOf(x))
      throw invalidArgument('pad', `${widths.length} pairs of widths`, `one for each of ${rankOf(x)} axes`)
    return padNode(
      widths.map(([low]) => low),
      widths.map(([, high]) => high),
      widths.map(() => 0),
      value,
      x
    )
  }

/** Joined along an axis that they have. All other extents, and the dtypes, must agree. */
export const concat =
  (axis: number) =>
  (xs: ReadonlyArray<Tensor>): Tensor =>
    concatNode(axis, xs)

/** Joined along a new axis, at `axis` of the result. All of one shape and dtype. */
export const stack =
  (axis: number) =>
  (xs: ReadonlyArray<Tensor>): Tensor =>
    concatNode(resolveStackAxis(axis, xs), xs.map(expandDims(axis)))

const resolveStackAxis = (axis: number, xs: ReadonlyArray<Tensor>): number => {
  if (xs.length === 0) throw invalidArgument('stack', 'no tensors', 'at least one')
  return resolveAxis('stack', axis, rankOf(xs[0]) + 1)
}

/**
 * Cut along `axis` into that many equal parts, or into parts of the given sizes.
 *
 * Fails with `InvalidArgument` where the parts do not make up the axis.
 */
export const split =
  (parts: number | ReadonlyArray<number>, axis = 0) =>
  (x: Tensor): ReadonlyArray<Tensor> => {
    const at = resolveAxis('split', axis, rankOf(x))
    const extent = x.shape[at]
    const sizes = typeof parts === 'number' ? equalParts(parts, extent) : parts
    expectExtents('split', sizes)
    if (sizes.reduce((n, d) => n + d, 0) !== extent)
      throw invalidArgument('split', `parts ${showShape(sizes)}`, `parts that make up ${extent}`)
    const starts = sizes.map((_, i) => sizes.slice(0, i).reduce((n, d) => n + d, 0))
    return sizes.map((size, i) => slice([...x.shape.slice(0, at).map(() => null), [starts[i], starts[i] + size]])(x))
  }

const equalParts = (sections: number, extent: number): ReadonlyArray<number> => {
  if (!Number.isInteger(sections) || sections < 1 || extent % sections !== 0)
    throw invalidArgument('split', `${sections} sections`, `a positive number that divides ${extent}`)
  return Array.from({ length: sections }, () => extent / sections)
}

/** In reverse order along the given axes: `out[i] = x[n - 1 - i]`. */
export const flip =
  (axes: number | ReadonlyArray<number>) =>
  (x: Tensor): Tensor => {
    const resolved = (typeof axes === 'number' ? [axes] : axes).map((a) => resolveAxis('flip', a, rankOf(x)))
    if (new Set(resolved).size !== resolved.length)
      throw invalidArgument('flip', `axes ${showShape(resolved)}`, 'each axis at most once')
    return resolved.reduce((y, axis) => gatherNode(axis, y, countingDown(y.shape[axis])), x)
  }

const countingDown = (n: number): Tensor => {
  const up = iotaNode([n], 0, 'i32')
  return sub(up)(operandLike('flip', up, Math.max(0, n - 1)))
}
