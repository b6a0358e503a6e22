/**
 * Arrays as text for people, laid out as NumPy lays them out.
 *
 *     tensor([[  1, 2.5],
 *             [-10,   0]], shape [2, 2], f32)
 */

import type { Data, DType } from './dtype.js'
import { range } from './range.js'
import { showShape, sizeOf, stridesOf, type Shape } from './shape.js'

/** Above this many elements, only the ends of long axes are shown. */
const wholeUpTo = 1000
const endsShown = 3

const opening = 'tensor('

/** See `show`. */
export const showArray = (shape: Shape, dtype: DType, data: Data): string => {
  const strides = stridesOf(shape)
  const isWhole = sizeOf(shape) <= wholeUpTo
  const shown = shape.map((extent) => shownIndices(extent, isWhole))

  const elements = (axis: number, offset: number): ReadonlyArray<string> =>
    axis === shape.length
      ? [showElement(dtype, data[offset])]
      : shown[axis].flatMap((i) => (i === undefined ? [] : elements(axis + 1, offset + i * strides[axis])))
  const width = elements(0, 0).reduce((widest, text) => Math.max(widest, text.length), 0)

  const layOut = (axis: number, offset: number): string => {
    if (axis === shape.length) return showElement(dtype, data[offset]).padStart(width)
    const parts = shown[axis].map((i) => (i === undefined ? '...' : layOut(axis + 1, offset + i * strides[axis])))
    const depth = shape.length - 1 - axis
    const separator = depth === 0 ? ', ' : ',' + '\n'.repeat(depth) + ' '.repeat(opening.length + axis + 1)
    return `[${parts.join(separator)}]`
  }
  const body = sizeOf(shape) === 0 ? '[]' : layOut(0, 0)
  return `${opening}${body}, shape ${showShape(shape)}, ${dtype})`
}

/** Indices along an axis; `undefined` stands for those left out. */
const shownIndices = (extent: number, isWhole: boolean): ReadonlyArray<number | undefined> => {
  return isWhole || extent <= 2 * endsShown
    ? range(extent)
    : [...range(endsShown), undefined, ...range(endsShown).map((i) => extent - endsShown + i)]
}

const showElement = (dtype: DType, value: number): string => {
  switch (dtype) {
    case 'f32':
      return Object.is(value, -0) ? '-0' : String(Number(value.toPrecision(6)))
    case 'i32':
    case 'u32':
      return String(value)
    case 'bool':
      return value === 0 ? 'false' : 'true'
  }
}
