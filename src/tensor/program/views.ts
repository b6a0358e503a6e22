/**
 * The algebra of affine views: movement operations as index arithmetic.
 *
 * A dense row-major tensor is one affine function of its coordinates; permuting, broadcasting, slicing and (mostly)
 * reshaping a view gives a view again. `coordinates` goes the other way, from a view to the coordinates of each axis,
 * which is what lets an element-wise operation be computed at the end of a chain of movements instead of before it.
 */

import { sizeOf, stridesOf, type Shape } from '../shape.js'
import type { OpOf } from '../tensor.js'
import type { Affine } from './kernel.js'

export const dense = (shape: Shape): Affine => ({ offset: 0, strides: stridesOf(shape) })

/** From the same start with other strides. */
export const withStrides = ({ offset }: Affine, strides: ReadonlyArray<number>): Affine => ({ offset, strides })

export const equalAffine = (a: Affine, b: Affine): boolean =>
  a.offset === b.offset && a.strides.length === b.strides.length && a.strides.every((s, i) => s === b.strides[i])

export type Collapsed = { readonly extents: Shape; readonly lists: ReadonlyArray<ReadonlyArray<number>> }

/**
 * Drops axes of extent 1 and merges neighbours that every list of strides walks as one axis. The row-major order of the
 * points stays.
 */
export const collapse = (extents: Shape, lists: ReadonlyArray<ReadonlyArray<number>>): Collapsed => {
  const merged: Array<number> = []
  const strides: ReadonlyArray<Array<number>> = lists.map(() => [])
  extents.forEach((extent, axis) => {
    if (extent === 1) return
    const last = merged.length - 1
    if (last >= 0 && lists.every((list, i) => strides[i][last] === list[axis] * extent)) {
      merged[last] *= extent
      lists.forEach((list, i) => (strides[i][last] = list[axis]))
    } else {
      merged.push(extent)
      lists.forEach((list, i) => strides[i].push(list[axis]))
    }
  })
  return { extents: merged, lists: strides }
}

/** Whether a view of `shape` walks its elements one after another from the start. */
export const isDense = (shape: Shape, at: Affine): boolean => {
  const { lists } = collapse(shape, [at.strides])
  return at.offset === 0 && (sizeOf(shape) <= 1 || (lists[0].length === 1 && lists[0][0] === 1))
}

/** The view of another shape over the same elements in the same order; `undefined` where none is affine. */
export const reshapeView = (from: Shape, to: Shape, at: Affine): Affine | undefined => {
  if (sizeOf(to) === 0)
    return withStrides(
      at,
      to.map(() => 0)
    )
  const { extents, lists } = collapse(from, [at.strides])
  const strides = new Array<number>(to.length).fill(0)
  let group = extents.length
  let left = 1
  let stride = 0
  for (let axis = to.length - 1; axis >= 0; axis--) {
    if (to[axis] === 1) continue
    if (left === 1) {
      group--
      left = extents[group]
      stride = lists[0][group]
    }
    if (left % to[axis] !== 0) return undefined
    strides[axis] = stride
    stride *= to[axis]
    left /= to[axis]
  }
  return withStrides(at, strides)
}

export const permuteView = (op: OpOf<'permute'>, at: Affine): Affine =>
  withStrides(
    at,
    op.order.map((axis) => at.strides[axis])
  )

export const broadcastView = (from: Shape, to: Shape, at: Affine): Affine => {
  const lead = to.length - from.length
  return withStrides(
    at,
    to.map((_, i) => (i < lead || from[i - lead] === 1 ? 0 : at.strides[i - lead]))
  )
}

export const sliceView = (op: OpOf<'slice'>, at: Affine): Affine => ({
  offset: at.strides.reduce((sum, s, i) => sum + s * op.start[i], at.offset),
  strides: at.strides.map((s, i) => s * op.step[i])
})

/** `at` after the coordinates: `at.offset + sum_i at.strides[i] * coordinates[i]`, as a function of what they are of. */
export const compose = (at: Affine, coordinates: ReadonlyArray<Affine>, rank: number): Affine => {
  const strides = new Array<number>(rank).fill(0)
  let offset = at.offset
  coordinates.forEach((coordinate, axis) => {
    offset += at.strides[axis] * coordinate.offset
    coordinate.strides.forEach((s, i) => (strides[i] += at.strides[axis] * s))
  })
  return { offset, strides }
}

/** A loop axis of extent `e` seen as two, of extents `e / factor` and `factor`. */
export type Split = { readonly axis: number; readonly factor: number }

export const splitExtents = (extents: Shape, { axis, factor }: Split): Shape =>
  extents.flatMap((e, i) => (i === axis ? [e / factor, factor] : [e]))

export const splitAffine = (at: Affine, { axis, factor }: Split): Affine =>
  withStrides(
    at,
    at.strides.flatMap((s, i) => (i === axis ? [s * factor, s] : [s]))
  )

export type Coordinates =
  | { readonly _tag: 'affine'; readonly axes: ReadonlyArray<Affine> }
  /** They would be affine if that loop were split. */
  | { readonly _tag: 'afterSplit'; readonly split: Split }
  | { readonly _tag: 'notAffine' }

/**
 * The coordinates in `shape` of element number `at(x)` of its row-major order, each as an affine function of `x` in
 * `[0, extents)`.
 *
 * Offset and strides are written in the mixed radix of `shape`. That is right exactly when no digit carries, which is
 * checked at the largest coordinates; where a digit does carry, cutting the loop that runs past the axis may help.
 */
export const coordinates = (shape: Shape, at: Affine, extents: Shape): Coordinates => {
  const radix = stridesOf(shape)
  const rest = [...at.strides]
  let offset = at.offset
  const axes = shape.map((_, i): Affine => {
    const digit = (value: number): number => Math.floor(value / radix[i])
    const strides = rest.map(digit)
    const start = digit(offset)
    strides.forEach((s, l) => (rest[l] -= s * radix[i]))
    offset -= start * radix[i]
    return { offset: start, strides }
  })
  for (const [i, coordinate] of axes.entries()) {
    const largest = coordinate.strides.reduce((sum, s, l) => sum + s * (extents[l] - 1), coordinate.offset)
    if (largest < shape[i]) continue
    const axis = coordinate.strides.findIndex((s, l) => {
      const factor = shape[i] / s
      return s > 0 && Number.isInteger(factor) && factor > 1 && factor < extents[l] && extents[l] % factor === 0
    })
    return axis < 0
      ? { _tag: 'notAffine' }
      : { _tag: 'afterSplit', split: { axis, factor: shape[i] / coordinate.strides[axis] } }
  }
  return { _tag: 'affine', axes }
}
