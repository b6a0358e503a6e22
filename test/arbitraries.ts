/**
 * Shapes and tensors that nobody chose: what the properties in these tests range over.
 *
 * Reals are hundredths rounded to float32, so that failures shrink to readable numbers. Shapes have rank 0 to 4, and axes
 * of extent 0 and 1 are common.
 */

import fc from 'fast-check'
import type { DType } from '../src/tensor/dtype.js'
import { sizeOf, type Shape } from '../src/tensor/shape.js'
import type { Plain } from './plain.js'

export type ShapeLimits = {
  readonly minRank?: number
  readonly maxRank?: number
  readonly minExtent?: number
  readonly maxExtent?: number
}

export const shapes = ({
  minRank = 0,
  maxRank = 4,
  minExtent = 0,
  maxExtent = 3
}: ShapeLimits = {}): fc.Arbitrary<Shape> =>
  fc.array(fc.integer({ min: minExtent, max: maxExtent }), { minLength: minRank, maxLength: maxRank })

/** Hundredths in [-4, 4], as float32 holds them. */
export const reals = (min = -400, max = 400): fc.Arbitrary<number> =>
  fc.integer({ min, max }).map((n) => Math.fround(n / 100))

/** Mostly small integers, sometimes the ends of the range. */
const i32s = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: -9, max: 9 }) },
  { weight: 1, arbitrary: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }) },
  { weight: 1, arbitrary: fc.constantFrom(-(2 ** 31), 2 ** 31 - 1) }
)

const u32s = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 9 }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 2 ** 32 - 1 }) },
  { weight: 1, arbitrary: fc.constantFrom(2 ** 31, 2 ** 32 - 1) }
)

export const elements: Readonly<Record<DType, fc.Arbitrary<number>>> = {
  f32: reals(),
  i32: i32s,
  u32: u32s,
  bool: fc.integer({ min: 0, max: 1 })
}

/** Tensors of one shape and dtype. */
export const tensorsOf = (
  shape: Shape,
  dtype: DType = 'f32',
  element: fc.Arbitrary<number> = elements[dtype]
): fc.Arbitrary<Plain> => {
  const size = sizeOf(shape)
  return fc.array(element, { minLength: size, maxLength: size }).map((values) => ({ shape, dtype, values }))
}

/** Tensors of any small shape. */
export const tensors = (
  dtype: DType = 'f32',
  limits: ShapeLimits = {},
  element: fc.Arbitrary<number> = elements[dtype]
): fc.Arbitrary<Plain> => shapes(limits).chain((shape) => tensorsOf(shape, dtype, element))

/** A tensor of any dtype. */
export const anyTensor = (limits: ShapeLimits = {}): fc.Arbitrary<Plain> =>
  fc.constantFrom<DType>('f32', 'i32', 'u32', 'bool').chain((dtype) => tensors(dtype, limits))

/** A shape that broadcasts to `result` and leaves some of the stretching to others: fewer axes, or extents of 1. */
const shrunk = (result: Shape): fc.Arbitrary<Shape> =>
  fc
    .tuple(
      fc.nat({ max: result.length }),
      fc.array(fc.boolean(), { minLength: result.length, maxLength: result.length })
    )
    .map(([drop, ones]) => result.map((d, axis) => (ones[axis] ? 1 : d)).slice(drop))

/** `count` shapes that broadcast together. */
export const broadcastableShapes = (count: number, limits: ShapeLimits = {}): fc.Arbitrary<ReadonlyArray<Shape>> =>
  shapes(limits).chain((result) => fc.tuple(...Array.from({ length: count }, () => shrunk(result))))

/** Two tensors of one dtype whose shapes broadcast together. */
export const broadcastablePair = (
  dtype: DType = 'f32',
  limits: ShapeLimits = {},
  element: fc.Arbitrary<number> = elements[dtype]
): fc.Arbitrary<readonly [Plain, Plain]> =>
  broadcastableShapes(2, limits).chain(([a, b]) => fc.tuple(tensorsOf(a, dtype, element), tensorsOf(b, dtype, element)))

/** An axis of a shape, sometimes counted from the back. The shape must have rank 1 at least. */
export const axisOf = (shape: Shape): fc.Arbitrary<number> => fc.integer({ min: -shape.length, max: shape.length - 1 })

/** A subset of the axes of a shape. */
export const axesOf = (shape: Shape): fc.Arbitrary<ReadonlyArray<number>> => fc.subarray(shape.map((_, axis) => axis))
