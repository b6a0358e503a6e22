/**
 * fast-check arbitraries for shapes, tensors and trees of them.
 *
 * They are made to shrink well: shapes to few and small axes, values to simple decimals (0, then 1, -1, 2, ..., then 0.5,
 * ...), and either without the other changing. Real numbers are multiples of 0.01: what fails is readable, and no value
 * is a subnormal or beyond 1e300.
 */

import fc from 'fast-check'
import type { DType } from '../tensor/dtype.js'
import { invalidArgument } from '../tensor/fault.js'
import { literal, type Literal } from '../tensor/literal.js'
import { sizeOf, type Shape } from '../tensor/shape.js'
import type { Tree } from '../tensor/tree.js'

export type ShapeOptions = {
  /** Default 0. */
  readonly minRank?: number
  /** Default 3. */
  readonly maxRank?: number
  /** Default 1; 0 gives empty tensors too. */
  readonly minExtent?: number
  /** Default 4. */
  readonly maxExtent?: number
}

export const shapes = ({
  minRank = 0,
  maxRank = 3,
  minExtent = 1,
  maxExtent = 4
}: ShapeOptions = {}): fc.Arbitrary<Shape> =>
  fc.array(fc.integer({ min: minExtent, max: maxExtent }), { minLength: minRank, maxLength: maxRank })

export type ValueOptions = {
  /** Default 'f32'. */
  readonly dtype?: DType
  /** Least and largest value. Default -4 and 4 (u32: 0 and 4); bool is 0 and 1 always. */
  readonly min?: number
  readonly max?: number
  /** Values to leave out: the kinks of a function, say. */
  readonly except?: ReadonlyArray<number>
  /** All values of a tensor differ, so that an extremum has one place. Default false. */
  readonly distinct?: boolean
}

/** Fewer decimals are simpler, then smaller numbers, then positive ones. */
const bySimplicity = (hundredths: number): ReadonlyArray<number> => [
  hundredths % 100 === 0 ? 0 : hundredths % 10 === 0 ? (hundredths % 50 === 0 ? 1 : 2) : 3,
  Math.abs(hundredths),
  hundredths < 0 ? 1 : 0
]

const lexicographic = (a: ReadonlyArray<number>, b: ReadonlyArray<number>): number =>
  a.reduce((order, v, i) => (order === 0 ? v - b[i] : order), 0)

/** The values that a tensor may hold, the simplest first. */
const valuesOf = ({ dtype = 'f32', min, max, except = [] }: ValueOptions): ReadonlyArray<number> => {
  const bounds = { f32: [-4, 4], i32: [-4, 4], u32: [0, 4], bool: [0, 1] }[dtype]
  const unit = dtype === 'f32' ? 1 : 100
  const [low, high] = dtype === 'bool' ? bounds : [min ?? bounds[0], max ?? bounds[1]]
  // Rounding takes what 100 * 0.29 leaves behind back to 29.
  const first = Math.ceil(Math.round(low * 1e6) / 1e4 / unit)
  const last = Math.floor(Math.round(high * 1e6) / 1e4 / unit)
  const values = Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => (first + i) * unit)
    .sort((a, b) => lexicographic(bySimplicity(a), bySimplicity(b)))
    .map((hundredths) => hundredths / 100)
    .filter((v) => !except.includes(v))
  if (values.length === 0) throw invalidArgument('tensors', `no value from ${low} to ${high}`, 'at least one')
  return values
}

/** A number that a tensor of these options may hold. */
export const numbers = (options: ValueOptions = {}): fc.Arbitrary<number> => {
  const values = valuesOf(options)
  return fc.nat(values.length - 1).map((i) => values[i])
}

/** `size` values. */
const elements = (size: number, options: ValueOptions): fc.Arbitrary<ReadonlyArray<number>> => {
  const values = valuesOf(options)
  const length = { minLength: size, maxLength: size }
  if (options.distinct !== true) return fc.array(numbers(options), length)
  if (size > values.length)
    throw invalidArgument('tensors', `${size} distinct values out of ${values.length}`, 'enough values')
  return fc.uniqueArray(fc.nat(values.length - 1), length).map((at) => at.map((i) => values[i]))
}

const placed = (shape: Shape, { dtype = 'f32' }: ValueOptions, pool: ReadonlyArray<number>): Literal =>
  literal(
    shape,
    dtype,
    Float64Array.from({ length: sizeOf(shape) }, (_, i) => pool[i % pool.length])
  )

/** Tensors of one shape. f32 values are kept in double precision, for a float64 device. */
export const tensorOf = (shape: Shape, options: ValueOptions = {}): fc.Arbitrary<Literal> =>
  elements(sizeOf(shape), options).map((values) => placed(shape, options, values))

/**
 * Values for any shape of these options, drawn apart from it: a tensor whose shape shrinks keeps its first values, and
 * goes on failing where they are the reason. Tensors of more than 251 elements repeat them, unless they are to be distinct.
 */
const pools = (options: ShapeOptions & ValueOptions): fc.Arbitrary<ReadonlyArray<number>> => {
  const largest = (options.maxExtent ?? 4) ** (options.maxRank ?? 3)
  return elements(options.distinct === true ? largest : Math.min(251, largest), options)
}

/** Tensors of random shapes. */
export const tensors = (options: ShapeOptions & ValueOptions = {}): fc.Arbitrary<Literal> =>
  fc.tuple(shapes(options), pools(options)).map(([shape, pool]) => placed(shape, options, pool))

/** Two shapes that broadcast together: some leading axes of either are missing, some extents of either are 1. */
export const broadcastableShapes = (options: ShapeOptions = {}): fc.Arbitrary<readonly [Shape, Shape]> => {
  const { maxRank = 3 } = options
  const side = fc.record({
    isWhole: fc.boolean(),
    dropped: fc.nat(maxRank),
    narrow: fc.array(fc.boolean(), { minLength: maxRank, maxLength: maxRank })
  })
  return fc.tuple(shapes(options), side, side).map(([shape, ...sides]) => {
    const [left, right] = sides.map(({ isWhole, dropped, narrow }) =>
      isWhole ? shape : shape.map((d, i) => (narrow[i] ? 1 : d)).slice(dropped)
    )
    return [left, right]
  })
}

/** Two tensors that broadcast together. Second options are for the right one, where its values are others. */
export const broadcastablePairs = (
  options: ShapeOptions & ValueOptions = {},
  right: ValueOptions = options
): fc.Arbitrary<readonly [Literal, Literal]> =>
  fc
    .tuple(broadcastableShapes(options), pools(options), pools({ ...options, ...right }))
    .map(([[a, b], left, other]) => [placed(a, options, left), placed(b, right, other)] as const)

/** Nested records and arrays with `leaf` at their leaves, or a lone leaf. */
export const trees = <A>(
  leaf: fc.Arbitrary<A>,
  { maxDepth = 2 }: { readonly maxDepth?: number } = {}
): fc.Arbitrary<Tree<A>> =>
  fc.letrec<{ tree: Tree<A> }>((tie) => ({
    tree: fc.oneof(
      { maxDepth, withCrossShrink: true },
      leaf,
      fc.array(tie('tree'), { minLength: 1, maxLength: 3 }),
      fc.dictionary(fc.constantFrom('bias', 'kernel', 'layer', 'norm'), tie('tree'), {
        minKeys: 1,
        maxKeys: 3,
        noNullPrototype: true
      })
    )
  })).tree
