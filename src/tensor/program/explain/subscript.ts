/**
 * Views as subscripts. A buffer is known by its size only, so they say in which order its elements are walked:
 *
 *     b5               all of it, in the order of the axes
 *     b5[j]            the same for every i: broadcast
 *     b5[j, i]         transposed
 *     b5[b7, j]        the rows that b7 names
 *     b5[96 * i + j]   any other elements, by their number
 */

import { sizeOf, type Shape } from '../../shape.js'
import { atom, plus, times, writeConstant, type Written } from './infix.js'
import type { Affine } from '../kernel.js'

/** Something that says where in a buffer to go: `stride` elements on for each step, of `extent` steps. */
type Coordinate = { readonly name: Written; readonly stride: number; readonly extent: number }

const letters = 'ijklmnop'

/** The names of a loop's axes. */
export const axisNames = (extents: Shape): ReadonlyArray<string> =>
  extents.map((_, axis) => letters[axis] ?? `i${axis}`)

const linear = (coordinates: ReadonlyArray<Coordinate>, offset: number): Written => {
  const number = (value: number): Written => writeConstant('i32', value)
  const terms = coordinates.map(({ name, stride }) => (stride === 1 ? name : times(number(stride), name)))
  const all = offset === 0 && terms.length > 0 ? terms : [...terms, number(offset)]
  return all.reduce(plus)
}

const moving = (axes: ReadonlyArray<string>, extents: Shape, { strides }: Affine): ReadonlyArray<Coordinate> =>
  extents.flatMap((extent, axis) =>
    extent > 1 && strides[axis] !== 0 ? [{ name: atom(axes[axis]), stride: strides[axis], extent }] : []
  )

/** The value of an affine function of a loop's coordinates. */
export const writeAffine = (extents: Shape, at: Affine): Written =>
  linear(moving(axisNames(extents), extents, at), at.offset)

/** Whether the coordinates, the farthest first, reach elements that lie side by side, each once. */
const isDense = (coordinates: ReadonlyArray<Coordinate>): boolean => {
  let reach = 1
  for (const { stride, extent } of [...coordinates].reverse()) {
    if (extent > 1 && stride !== reach) return false
    reach *= extent
  }
  return true
}

export type Access = {
  /** Named, and how far they go. */
  readonly axes: ReadonlyArray<string>
  readonly extents: Shape
  readonly at: Affine
  /** Of the buffer. */
  readonly size: number
  /** A coordinate that is a value: of a lookup or a scatter. */
  readonly index?: Coordinate
}

/** What follows the buffer's name; nothing where all of it is walked from the first element to the last. */
export const subscript = ({ axes, extents, at, size, index }: Access): string => {
  const own = moving(axes, extents, at)
  const sorted = [...(index === undefined ? [] : [index]), ...own].sort((a, b) => b.stride - a.stride)
  const isPlain = at.offset === 0 && isDense(sorted)
  const movesAlways = sizeOf(own.map(({ extent }) => extent)) === sizeOf(extents)
  const isWhole = movesAlways && sizeOf(extents) === size && own.every((coordinate, i) => coordinate === sorted[i])
  if (index === undefined && isPlain && (isWhole || size === 1)) return ''
  const places = isPlain && sorted.length > 0 ? sorted.map(({ name }) => name) : [linear(sorted, at.offset)]
  return `[${places.map(({ text }) => text).join(', ')}]`
}
