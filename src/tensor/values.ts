/**
 * Values out of literals: always copies, so that a tensor stays what it was.
 */

import type { Data, DType } from './dtype.js'
import { invalidArgument } from './fault.js'
import { peek, type Literal } from './literal.js'
import { showShape, stridesOf } from './shape.js'
import type { Nested } from './ops/create.js'

/** The elements in row-major order, in an array of the caller's own. bool as a `Uint8Array` of 0 and 1. */
export const toTypedArray = (x: Literal): Data => peek(x).slice()

/** The elements as nested arrays in the tensor's shape, booleans for bool; a bare value for shape `[]`. Frozen. */
export const toNested = (x: Literal): Nested<number> | Nested<boolean> => {
  const data = peek(x)
  const strides = stridesOf(x.shape)
  const go = (axis: number, offset: number): Nested<number | boolean> =>
    axis === x.shape.length
      ? elementOf(x.dtype, data[offset])
      : Object.freeze(Array.from({ length: x.shape[axis] }, (_, i) => go(axis + 1, offset + i * strides[axis])))
  return go(0, 0) as Nested<number> | Nested<boolean>
}

const elementOf = (dtype: DType, value: number): number | boolean => (dtype === 'bool' ? value !== 0 : value)

/** The only element of a tensor that has one, as a number (bool: 0 or 1). Fails with `InvalidArgument` for any other. */
export const toScalar = (x: Literal): number => {
  const data = peek(x)
  if (data.length !== 1) throw invalidArgument('toScalar', `shape ${showShape(x.shape)}`, 'a tensor of one element')
  return data[0]
}
