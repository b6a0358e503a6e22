/**
 * Tensors as plain records of shape, dtype and values: what naive definitions in tests are written over, and what
 * fast-check prints when a property fails.
 */

import * as E from 'fp-ts/lib/Either.js'
import { expect } from 'vitest'
import type { DType, FloatWidth } from '../src/tensor/dtype.js'
import { TensorFault, type TensorError } from '../src/tensor/fault.js'
import { literal, type Literal } from '../src/tensor/literal.js'
import { evaluateAll } from '../src/tensor/run/evaluate.js'
import { reference } from '../src/tensor/run/reference/reference.js'
import { sizeOf, stridesOf, type Shape } from '../src/tensor/shape.js'
import type { Tensor } from '../src/tensor/tensor.js'
import { toTypedArray } from '../src/tensor/values.js'

export type Plain = { readonly shape: Shape; readonly dtype: DType; readonly values: ReadonlyArray<number> }

export type Index = ReadonlyArray<number>

export const literalOf = ({ shape, dtype, values }: Plain): Literal => literal(shape, dtype, values)

export const plainOf = (x: Literal): Plain => ({ shape: x.shape, dtype: x.dtype, values: [...toTypedArray(x)] })

/** What the reference device computes. */
export const run = (x: Tensor, floats: FloatWidth = 'float32'): Plain => runAll([x], floats)[0]

/** The same for several tensors, computed as one program. */
export const runAll = (xs: ReadonlyArray<Tensor>, floats: FloatWidth = 'float32'): ReadonlyArray<Plain> => {
  const result = evaluateAll(reference({ floats }))(xs)
  if (E.isLeft(result)) throw new Error(JSON.stringify(result.left))
  return result.right.map(plainOf)
}

/** Every index of a shape in row-major order. */
export const indicesOf = (shape: Shape): ReadonlyArray<Index> =>
  shape.reduce<ReadonlyArray<Index>>(
    (indices, extent) => indices.flatMap((index) => Array.from({ length: extent }, (_, i) => [...index, i])),
    [[]]
  )

const strideSum = (shape: Shape, index: Index): number => {
  const strides = stridesOf(shape)
  return index.reduce((flat, i, axis) => flat + i * strides[axis], 0)
}

export const at = (x: Plain, index: Index): number => {
  const isInside = index.length === x.shape.length && index.every((i, axis) => i >= 0 && i < x.shape[axis])
  if (!isInside) throw new Error(`[${index.join(', ')}] is outside [${x.shape.join(', ')}]`)
  return x.values[strideSum(x.shape, index)]
}

/** The element that `index` of a result reads from an operand that was broadcast to it. */
export const broadcastAt = (x: Plain, index: Index): number => {
  const own = index.slice(index.length - x.shape.length)
  return at(
    x,
    own.map((i, axis) => (x.shape[axis] === 1 ? 0 : i))
  )
}

export const build = (shape: Shape, dtype: DType, f: (index: Index) => number): Plain => ({
  shape,
  dtype,
  values: indicesOf(shape).map(f)
})

/** Sum of `f` over every index of a shape. */
export const total = (shape: Shape, f: (index: Index) => number): number =>
  indicesOf(shape).reduce((sum, index) => sum + f(index), 0)

/** Same shape and dtype, and no element further off than `bound`. NaN and infinities must be where they are expected. */
export const expectWithin = (bound: number, found: Plain, expected: Plain): void => {
  expect([found.shape, found.dtype, found.values.length]).toEqual([expected.shape, expected.dtype, sizeOf(found.shape)])
  found.values.forEach((v, i) => {
    const want = expected.values[i]
    if (!Object.is(v, want) && !(Math.abs(v - want) <= bound))
      expect.fail(`element ${i}: found ${v}, expected ${want} within ${bound}`)
  })
}

/** The fault that building an expression throws. */
export const faultOf = (build: () => unknown): TensorError => {
  try {
    build()
  } catch (thrown) {
    if (thrown instanceof TensorFault) return thrown.error
    throw thrown
  }
  throw new Error('expected a TensorFault')
}
