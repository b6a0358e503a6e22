/**
 * Tensors from numbers: literals from arrays, and patterns (constants, ramps, identities, triangles) that a program
 * describes without storing.
 */

import type { DType } from '../dtype.js'
import { invalidArgument } from '../fault.js'
import { literal, type Literal } from '../literal.js'
import { showShape, type Shape } from '../shape.js'
import { broadcastNode, constantNode, iotaNode, type Tensor } from '../tensor.js'
import { add, cast, eq, le, lt, mul, sub, where } from './arithmetic.js'

/** A value, or arrays of arrays of them: every array at one depth must have one length. */
export type Nested<A> = A | ReadonlyArray<Nested<A>>

export type TypedArray = Float32Array | Float64Array | Int32Array | Uint32Array | Uint8Array

export type TensorOptions = { readonly dtype?: DType; readonly shape?: Shape }

const isTypedArray = (from: unknown): from is TypedArray =>
  from instanceof Float32Array ||
  from instanceof Float64Array ||
  from instanceof Int32Array ||
  from instanceof Uint32Array ||
  from instanceof Uint8Array

/**
 * A tensor that holds the given values, copied: changing the array afterwards changes nothing here.
 *
 * From nested arrays the shape is that of the nesting, from a typed array `[length]`, unless `shape` says otherwise. The
 * dtype defaults to bool for booleans (and `Uint8Array`), i32 and u32 for their typed arrays, and f32 for everything
 * else. Numbers are rounded to float32; a `Float64Array` stays in double precision for devices that compute in it.
 *
 * Fails with `InvalidArgument` for ragged arrays, values that the dtype does not hold, and a shape of another size.
 */
export const tensor = (
  from: Nested<number> | Nested<boolean> | TypedArray,
  { dtype, shape }: TensorOptions = {}
): Literal => {
  if (isTypedArray(from)) {
    const held = dtype ?? dtypeOfArray(from)
    if (held !== dtypeOfArray(from) || held === 'bool') from.forEach((v) => expectHeld(held, v))
    return literal(shape ?? [from.length], held, from)
  }
  const nesting = shapeOfNested(from)
  const values: Array<number | boolean> = []
  flattenInto(values, from, nesting, [])
  const held = dtype ?? (values.length > 0 && values.every((v) => typeof v === 'boolean') ? 'bool' : 'f32')
  return literal(
    shape ?? nesting,
    held,
    values.map((v) => expectHeld(held, v))
  )
}

const dtypeOfArray = (from: TypedArray): DType =>
  from instanceof Int32Array ? 'i32' : from instanceof Uint32Array ? 'u32' : from instanceof Uint8Array ? 'bool' : 'f32'

/** The value as a number, if tensors of this dtype can hold it: the same rule as for constants. */
const expectHeld = (dtype: DType, value: number | boolean): number => {
  if (typeof value === 'boolean' && dtype !== 'bool')
    throw invalidArgument('tensor', String(value), `a value that ${dtype} holds`)
  const number = Number(value)
  if (!holds(dtype, number)) throw invalidArgument('tensor', String(value), `a value that ${dtype} holds`)
  return number
}

const holds = (dtype: DType, value: number): boolean => {
  switch (dtype) {
    case 'f32':
      return true
    case 'i32':
      return value === (value | 0)
    case 'u32':
      return value === value >>> 0
    case 'bool':
      return value === 0 || value === 1
  }
}

/** Read along the first element of every array; `flattenInto` checks that the others agree. */
const shapeOfNested = (from: unknown): Shape => {
  const shape: Array<number> = []
  for (let at = from; Array.isArray(at); at = at[0]) {
    shape.push(at.length)
    if (at.length === 0) break
  }
  return shape
}

const flattenInto = (into: Array<number | boolean>, at: unknown, shape: Shape, path: ReadonlyArray<number>): void => {
  const where = path.length === 0 ? '' : ` at ${showShape(path)}`
  if (Array.isArray(at)) {
    if (path.length >= shape.length || at.length !== shape[path.length])
      throw invalidArgument('tensor', `an array of ${at.length}${where}`, expectedAt(shape, path))
    for (let i = 0; i < at.length; i++) flattenInto(into, at[i], shape, [...path, i])
  } else if ((typeof at === 'number' || typeof at === 'boolean') && path.length === shape.length) into.push(at)
  else throw invalidArgument('tensor', `${String(at)}${where}`, expectedAt(shape, path))
}

const expectedAt = (shape: Shape, path: ReadonlyArray<number>): string =>
  path.length < shape.length ? `an array of ${shape[path.length]}, as before it` : 'a number or a boolean'

/**
 * A literal of shape `[]`. Unlike a number in an expression it is an argument, not a part of the program.
 *
 * An f32 scalar stays in double precision until a device rounds it.
 */
export const scalar = (value: number | boolean, dtype: DType = typeof value === 'boolean' ? 'bool' : 'f32'): Literal =>
  tensor(dtype === 'f32' && typeof value === 'number' ? Float64Array.of(value) : value, { dtype, shape: [] })

/** `value` everywhere; a promise that it never changes. */
export const full = (shape: Shape, value: number, dtype: DType = 'f32'): Tensor =>
  broadcastNode(shape, constantNode(value, dtype))

export const zeros = (shape: Shape, dtype: DType = 'f32'): Tensor => full(shape, 0, dtype)

export const ones = (shape: Shape, dtype: DType = 'f32'): Tensor => full(shape, 1, dtype)

/** Each element is its index along `axis`. f32 (exact up to 2^24), i32 and u32. */
export const iota = (shape: Shape, axis: number, dtype: DType = 'i32'): Tensor => iotaNode(shape, axis, dtype)

/** `[0, 1, ..., n - 1]`. */
export const arange = (n: number, dtype: DType = 'i32'): Tensor => iotaNode([n], 0, dtype)

/**
 * `n` evenly spaced f32 values from `a` to `b`, both exact. One value is `a`.
 *
 * Each half counts from its own end, `a + i h` and `b - (n - 1 - i) h` with `h = (b - a) / (n - 1)`, so that neither end
 * carries a rounding error.
 */
export const linspace = (a: number, b: number, n: number): Tensor => {
  const up = iotaNode([n], 0, 'f32')
  const h = n > 1 ? (b - a) / (n - 1) : 0
  const fromStart = add(a)(mul(h)(up))
  const fromEnd = add(b)(mul(h)(sub(n - 1)(up)))
  return n > 1 ? where(lt(n / 2)(up), fromEnd)(fromStart) : fromStart
}

/** The identity matrix, `[n, n]`. */
export const eye = (n: number, dtype: DType = 'f32'): Tensor =>
  cast(dtype)(eq(iotaNode([n, n], 1, 'i32'))(iotaNode([n, n], 0, 'i32')))

/** The last two axes with everything above the `k`-th diagonal set to 0: keeps `column - row <= k`. */
export const tril =
  (k = 0) =>
  (x: Tensor): Tensor =>
    where(le(k)(offDiagonal('tril', x)), 0)(x)

/** The last two axes with everything below the `k`-th diagonal set to 0: keeps `column - row >= k`. */
export const triu =
  (k = 0) =>
  (x: Tensor): Tensor =>
    where(lt(offDiagonal('triu', x))(constantNode(k - 1, 'i32')), 0)(x)

/** `column - row` for the last two axes, `[m, n]`. */
const offDiagonal = (op: string, x: Tensor): Tensor => {
  if (x.shape.length < 2) throw invalidArgument(op, `shape ${showShape(x.shape)}`, 'at least two axes')
  const matrix = x.shape.slice(-2)
  return sub(iotaNode(matrix, 0, 'i32'))(iotaNode(matrix, 1, 'i32'))
}
