/**
 * Literals: tensors whose values are known.
 *
 * The values are copied in and copied out, and stand in a table that only this file can reach: nobody outside can change
 * a tensor, and a tensor stays a plain frozen record.
 */

import { allocate, type Data, type DType } from './dtype.js'
import { invalidArgument } from './fault.js'
import { showShape, sizeOf, type Shape } from './shape.js'
import { describe } from './describe.js'
import { evaluated } from './inspection.js'
import { literalNode, type Tensor } from './tensor.js'
import { isTensor } from './tree.js'

/** A tensor that holds values: what constructors make and `evaluate` returns. It is used like any other. */
export type Literal = Tensor & { readonly op: { readonly _tag: 'literal' } }

const values = new WeakMap<Tensor, Data>()

export const isLiteral = (x: Tensor): x is Literal => x.op._tag === 'literal'

const withValues = evaluated((x: Literal) => peek(x))

/** Takes `data` as it is. For devices, which hand over arrays that nobody else holds. */
export const adopt = (shape: Shape, dtype: DType, data: Data): Literal => {
  const made = literalNode(shape, dtype, withValues) as Literal
  values.set(made, data)
  return made
}

/** Copies `from` into a new literal. f32 in a `Float64Array` stays in double precision until a device rounds it. */
export const literal = (shape: Shape, dtype: DType, from: ArrayLike<number>): Literal => {
  if (from.length !== sizeOf(shape))
    throw invalidArgument('tensor', `${from.length} values`, `${sizeOf(shape)} for shape ${showShape(shape)}`)
  const data = allocate(dtype, from.length, from instanceof Float64Array ? 'float64' : 'float32')
  data.set(from)
  return adopt(shape, dtype, data)
}

/**
 * The stored array itself, for devices to read. Never handed to users.
 *
 * Throws `InvalidArgument` for what holds no values, which only untyped code can pass.
 */
export const peek = (x: Literal): Data => {
  const data = values.get(x)
  if (data === undefined)
    throw invalidArgument('values', showWithout(x), 'a tensor that holds values: evaluate it first')
  return data
}

const showWithout = (x: unknown): string =>
  isTensor(x)
    ? `an unevaluated ${x.op._tag} of shape ${showShape(x.shape)}`
    : isEither(x)
      ? 'what `evaluate` returned, an Either, whose `right` is the tensor'
      : describe(x)

const isEither = (x: unknown): boolean =>
  typeof x === 'object' && x !== null && '_tag' in x && (x._tag === 'Right' || x._tag === 'Left')
