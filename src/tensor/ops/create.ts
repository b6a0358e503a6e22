/**
 * Tensors from numbers: literals from arrays, and patterns (constants, ramps, identities, triangles) that a program
 * describes without storing.
 */

import { describe } from '../describe.js'
import { holds, type DType } from '../dtype.js'
import { invalidArgument } from '../fault.js'
import { literal, type Literal } from '../literal.js'
import { showShape, type Shape } from '../shape.js'
import { broadcastNode, constantNode, expectKnown, iotaNode, type Tensor } from '../tensor.js'
import { add, cast, eq, le, lt, mul, sub, where } from './arithmetic.js'

/** A value, or arrays of arrays of them: every array at one depth must have one length. */
export type Nested<A> = A | ReadonlyArray<Nested<A>>

/** Arrays that a tensor is made from, each with the dtype that holds all its values. */
export type TypedArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Uint16Array
  | Uint32Array
  | Uint8Array
  | Uint8ClampedArray

export type TensorOptions = { readonly dtype?: DType; readonly shape?: Shape }

/** By the name that the array gives of itself, which is the same in every realm. */
const dtypeOfArrays: Readonly<Record<string, DType>> = {
  Float32Array: 'f32',
  Float64Array: 'f32',
  Int8Array: 'i32',
  Int16Array: 'i32',
  Int32Array: 'i32',
  Uint16Array: 'u32',
  Uint32Array: 'u32',
  Uint8Array: 'bool',
  Uint8ClampedArray: 'u32'
}

const arrayName = (from: ArrayBufferView): string => Object.prototype.toString.call(from).slice(8, -1)

const isTypedArray = (from: unknown): from is TypedArray => {
  if (!ArrayBuffer.isView(from)) return false
  const name = arrayName(from)
  if (name in dtypeOfArrays) return true
  const how = name.startsWith('Big') ? 'Int32Array.from(x, Number)' : 'an array of one of them'
  throw invalidArgument('tensor', `a ${name}`, `${Object.keys(dtypeOfArrays).join(', ')}: ${how}`)
}

/**
 * A tensor that holds the given values, copied: changing the array afterwards changes nothing here.
 *
 * From nested arrays the shape is that of the nesting, from a typed array `[length]`, unless `shape` says otherwise. The
 * dtype defaults to bool for booleans (and `Uint8Array`), i32 and u32 for typed arrays of integers (`Uint8ClampedArray` too), and f32
 * for everything else: of plain arrays also where all numbers are whole, so ids are `tensor(ids, { dtype: 'i32' })`. Numbers are
 * rounded to float32; a `Float64Array` stays in double precision for devices that compute in it.
 *
 * Fails with `InvalidArgument` for ragged arrays, other typed arrays, values that the dtype does not hold, and a shape of another size.
 */
export const tensor = (
  from: Nested<number> | Nested<boolean> | TypedArray,
  { dtype, shape }: TensorOptions = {}
): Literal => {
  if (dtype !== undefined) expectKnown('tensor', dtype)
  if (isTypedArray(from)) {
    const held = dtype ?? dtypeOfArray(from)
    const bytes = dtype === undefined ? "0 or 1 in a Uint8Array, which is bool: { dtype: 'u32' } for bytes" : undefined
    if (held !== dtypeOfArray(from) || held === 'bool') from.forEach((v) => expectHeld(held, v, bytes))
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

const dtypeOfArray = (from: TypedArray): DType => dtypeOfArrays[arrayName(from)]

/** The value as a number, if tensors of this dtype can hold it: the same rule as for constants. */
const expectHeld = (dtype: DType, value: number | boolean, expected = `a value that ${dtype} holds`): number => {
  if (typeof value === 'boolean' && dtype !== 'bool')
    throw invalidArgument('tensor', String(value), `a value that ${dtype} holds`)
  const number = Number(value)
  if (!holds(dtype, number)) throw invalidArgument('tensor', String(value), expected)
  return number
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
  else throw invalidArgument('tensor', `${describe(at)}${where}`, expectedAt(shape, path))
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
