/**
 * Reading by index, and its transpose.
 *
 * Indices are i32, and none counts from the back. Indices that are known when the expression is written, literals and constants,
 * must lie in `[0, n)`: one that does not is an `InvalidArgument` that names it. Where a program computes the index or is given it,
 * one outside `[0, n)` reads 0, and adds nowhere, on every device.
 */

import { pipe } from 'fp-ts/lib/function.js'
import type { Data, DType } from '../dtype.js'
import { dtypeMismatch, invalidArgument, shapeMismatch } from '../fault.js'
import { isLiteral, peek } from '../literal.js'
import { equalShapes, sizeOf, type Shape } from '../shape.js'
import { gatherNode, iotaNode, permuteNode, reshapeNode, resolveAxis, scatterAddNode, type Tensor } from '../tensor.js'
import { add, and, cast, eq, ge, lt, mul, where } from './arithmetic.js'
import { commonShape, stretch } from './broadcast.js'
import { expandDims } from './movement.js'

/**
 * Elements of `x` along an axis, by index: the axes of `indices` stand where `axis` was.
 *
 *     out[p.., i.., s..] = x[p.., indices[i..], s..]
 *
 * `take(ids)(table)` looks rows up: ids `[B, L]`, table `[V, E]`, result `[B, L, E]`.
 */
export const take =
  (indices: Tensor, axis = 0) =>
  (x: Tensor): Tensor => {
    const read = gatherNode(axis, x, indices)
    expectInside('take', x.shape[resolveAxis('take', axis, x.shape.length)], indices)
    return read
  }

/** Throws `InvalidArgument` for a known index that is none of `extent` places. */
const expectInside = (op: string, extent: number, indices: Tensor): void => {
  const outside = sizeOf(indices.shape) === 0 ? undefined : knownOf(indices).find((i) => i < 0 || i >= extent)
  if (outside !== undefined)
    throw invalidArgument(op, `index ${outside}`, `indices in [0, ${extent}), where none counts from the back`)
}

/** The values that a tensor is known to consist of, none where a program computes them. */
const knownOf = (x: Tensor): Data | ReadonlyArray<number> => {
  let at = x
  while (at.op._tag === 'reshape' || at.op._tag === 'permute' || at.op._tag === 'broadcast') at = at.inputs[0]
  if (isLiteral(at)) return peek(at)
  return at.op._tag === 'constant' ? [at.op.value] : []
}

/**
 * `take` within each element of a batch: the first `batch` axes of `x` and of `indices` go together.
 *
 *     out[b.., p.., i.., s..] = x[b.., p.., indices[b.., i..], s..]
 *
 * `gather(positions, 1, 1)(hidden)` reads chosen positions of each sequence: positions `[B, K]`, hidden `[B, L, H]`,
 * result `[B, K, H]`. `axis` must be behind the batch axes. Fails with `ShapeMismatch` where the batches differ.
 */
export const gather =
  (indices: Tensor, axis: number, batch: number) =>
  (x: Tensor): Tensor => {
    if (indices.dtype !== 'i32') throw dtypeMismatch('gather', [indices.dtype], 'i32 indices')
    const at = resolveAxis('gather', axis, x.shape.length)
    if (!Number.isInteger(batch) || batch < 0 || batch > Math.min(at, indices.shape.length))
      throw invalidArgument('gather', `${batch} batch axes with axis ${at}`, 'axis and indices behind the batch axes')
    const lead = x.shape.slice(0, batch)
    if (!equalShapes(lead, indices.shape.slice(0, batch))) throw shapeMismatch('gather', x.shape, indices.shape)
    expectInside('gather', x.shape[at], indices)
    const between = range(batch, at)
    const after = range(at + 1, x.shape.length)
    const chosen = indices.shape.slice(batch)
    const extent = x.shape[at]
    const read = pipe(
      permuteNode([...range(0, batch), at, ...between, ...after], x),
      (y) => reshapeNode([sizeOf(lead) * extent, ...y.shape.slice(batch + 1)], y),
      take(reshapeNode([sizeOf(lead), ...chosen], flatIndices(indices, sizeOf(lead), chosen, extent))),
      (y) => reshapeNode([...lead, ...y.shape.slice(1)], y)
    )
    const [i, p] = [chosen.length, between.length]
    return permuteNode(
      [
        ...range(0, batch),
        ...range(batch + i, batch + i + p),
        ...range(batch, batch + i),
        ...range(batch + i + p, read.shape.length)
      ],
      read
    )
  }

const range = (from: number, to: number): ReadonlyArray<number> => Array.from({ length: to - from }, (_, i) => from + i)

/** Row `b` counted from `b * extent`; what is outside `[0, extent)` becomes -1, lest it read from a neighbouring row. */
const flatIndices = (indices: Tensor, rows: number, chosen: Shape, extent: number): Tensor => {
  const flat = reshapeNode([rows, ...chosen], indices)
  const inside = and(lt(extent)(flat))(ge(0)(flat))
  return pipe(iotaNode(flat.shape, 0, 'i32'), mul(extent), add(flat), where(inside, -1))
}

/**
 * One element of `x` along `axis` for each index: `out[p, i, s] = x[p, indices[p, i, s], s]`.
 *
 * `x` and `indices` have one rank, and but for `axis` their shapes broadcast. NumPy's `take_along_axis`.
 */
export const takeAlongAxis =
  (indices: Tensor, axis: number) =>
  (x: Tensor): Tensor => {
    const rank = x.shape.length
    const at = resolveAxis('takeAlongAxis', axis, rank)
    if (indices.shape.length !== rank) throw shapeMismatch('takeAlongAxis', x.shape, indices.shape)
    const without = (shape: Shape): Shape => shape.filter((_, i) => i !== at)
    const others = commonShape('takeAlongAxis', [without(x.shape), without(indices.shape)])
    expectInside('takeAlongAxis', x.shape[at], indices)
    const last = [...range(0, at), ...range(at + 1, rank), at]
    const back = [...range(0, at), rank - 1, ...range(at, rank - 1)]
    const lastOf = (y: Tensor): Tensor => stretch([...others, y.shape[at]], permuteNode(last, y))
    return permuteNode(back, gather(lastOf(indices), rank - 1, rank - 1)(lastOf(x)))
  }

/**
 * The transpose of `take`: zeros of `shape`, with each slice of the updates added where its index points.
 *
 *     out[p.., indices[i..], s..] += updates[p.., i.., s..]
 *
 * Updates `[p.., i.., s..]`: f32, i32 or u32. Indices that repeat add up.
 */
export const scatterAdd =
  (indices: Tensor, shape: Shape, axis = 0) =>
  (updates: Tensor): Tensor => {
    const added = scatterAddNode(axis, shape, indices, updates)
    expectInside('scatterAdd', shape[resolveAxis('scatterAdd', axis, shape.length)], indices)
    return added
  }

/**
 * 1 at each index along a new last axis, 0 elsewhere: `[...s]` to `[...s, depth]`.
 *
 * Indices i32 or u32; one outside `[0, depth)` gives zeros.
 */
export const oneHot =
  (depth: number, dtype: DType = 'f32') =>
  (indices: Tensor): Tensor => {
    if (indices.dtype !== 'i32' && indices.dtype !== 'u32')
      throw dtypeMismatch('oneHot', [indices.dtype], 'i32 or u32 indices')
    return cast(dtype)(eq(iotaNode([depth], 0, indices.dtype))(expandDims(-1)(indices)))
  }
