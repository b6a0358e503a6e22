/**
 * Tensors as files hold them: the element types of the safetensors format, each with the typed array that keeps its bits.
 *
 * F16 and BF16 have no typed array of their own and stay as their 16 bits until somebody asks for floats. Arrays are
 * taken to be little-endian in memory, as WebAssembly's is on every platform.
 */

import * as E from 'fp-ts/lib/Either.js'
import { describe } from './describe.js'
import type { Data, DType } from './dtype.js'
import { literal, peek, type Literal } from './literal.js'
import type { Shape } from './shape.js'

type Arrays = {
  readonly U64: BigUint64Array
  readonly I64: BigInt64Array
  readonly F64: Float64Array
  readonly F32: Float32Array
  readonly U32: Uint32Array
  readonly I32: Int32Array
  /** The upper 16 bits of a float32. */
  readonly BF16: Uint16Array
  /** The bits of an IEEE half. */
  readonly F16: Uint16Array
  readonly U16: Uint16Array
  readonly I16: Int16Array
  readonly I8: Int8Array
  readonly U8: Uint8Array
  readonly BOOL: Uint8Array
}

export type StoredDType = keyof Arrays

/** Widest elements first, the order in which the reference implementation lays tensors out. */
export const storedDTypes: ReadonlyArray<StoredDType> = [
  'U64',
  'I64',
  'F64',
  'F32',
  'U32',
  'I32',
  'BF16',
  'F16',
  'U16',
  'I16',
  'I8',
  'U8',
  'BOOL'
]

export type StoredOf<D extends StoredDType> = { readonly dtype: D; readonly shape: Shape; readonly data: Arrays[D] }

/** A tensor with the element type and the bits of its file. */
export type Stored = { readonly [D in StoredDType]: StoredOf<D> }[StoredDType]

export type NamedStored = Stored & { readonly name: string }

export const storedBytes: Readonly<Record<StoredDType, number>> = {
  U64: 8,
  I64: 8,
  F64: 8,
  F32: 4,
  U32: 4,
  I32: 4,
  BF16: 2,
  F16: 2,
  U16: 2,
  I16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1
}

/** The bytes of an array, in place. */
export const bytesOf = (data: Stored['data']): Uint8Array =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength)

/** A stored tensor over a copy of `bytes`, whose length must be that of the shape. */
export const storedFrom = (dtype: StoredDType, shape: Shape, bytes: Uint8Array): Stored => {
  const { buffer } = new Uint8Array(bytes)
  switch (dtype) {
    case 'U64':
      return { dtype, shape, data: new BigUint64Array(buffer) }
    case 'I64':
      return { dtype, shape, data: new BigInt64Array(buffer) }
    case 'F64':
      return { dtype, shape, data: new Float64Array(buffer) }
    case 'F32':
      return { dtype, shape, data: new Float32Array(buffer) }
    case 'U32':
      return { dtype, shape, data: new Uint32Array(buffer) }
    case 'I32':
      return { dtype, shape, data: new Int32Array(buffer) }
    case 'BF16':
    case 'F16':
    case 'U16':
      return { dtype, shape, data: new Uint16Array(buffer) }
    case 'I16':
      return { dtype, shape, data: new Int16Array(buffer) }
    case 'I8':
      return { dtype, shape, data: new Int8Array(buffer) }
    case 'U8':
    case 'BOOL':
      return { dtype, shape, data: new Uint8Array(buffer) }
  }
}

/** A device's array as a stored tensor, sharing `data`. f32 in double precision becomes F64. */
export const storedOf = (dtype: DType, shape: Shape, data: Data): Stored => {
  if (dtype === 'f32' && data instanceof Float32Array) return { dtype: 'F32', shape, data }
  if (dtype === 'f32' && data instanceof Float64Array) return { dtype: 'F64', shape, data }
  if (dtype === 'i32' && data instanceof Int32Array) return { dtype: 'I32', shape, data }
  if (dtype === 'u32' && data instanceof Uint32Array) return { dtype: 'U32', shape, data }
  if (dtype === 'bool' && data instanceof Uint8Array) return { dtype: 'BOOL', shape, data }
  throw new Error(`a tensor of ${dtype} was held in ${data.constructor.name}`)
}

/** A literal as a stored tensor, over a copy of its values. */
export const fromLiteral = (x: Literal): Stored => storedOf(x.dtype, x.shape, peek(x).slice())

const halfToNumber = (bits: number): number => {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 0x1f
  const fraction = bits & 0x3ff
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

/** IEEE halves as float32: exact. */
export const widenF16 = (bits: Uint16Array): Float32Array => Float32Array.from(bits, halfToNumber)

/** BF16 as float32: exact, NaN payloads included. */
export const widenBF16 = (bits: Uint16Array): Float32Array =>
  new Float32Array(Uint32Array.from(bits, (b) => b * 0x10000).buffer)

/** A value of a file that no dtype of a tensor holds. */
export type Unrepresentable = {
  readonly _tag: 'Unrepresentable'
  readonly dtype: StoredDType
  readonly found: string
  readonly expected: string
}

const fits = <A extends number | bigint>(
  x: Stored,
  dtype: DType,
  values: ArrayLike<A> & Iterable<A>,
  accepts: (value: A) => boolean,
  expected: string
): E.Either<Unrepresentable, Literal> => {
  for (const value of values)
    if (!accepts(value)) return E.left({ _tag: 'Unrepresentable', dtype: x.dtype, found: describe(value), expected })
  return E.right(literal(x.shape, dtype, Float64Array.from(values, Number)))
}

const isI32 = (value: bigint): boolean => value === BigInt.asIntN(32, value)

/**
 * The tensor that a file holds. Floats become f32 (F64 keeps its double precision until a device rounds it), U32 becomes
 * u32, BOOL bool, and every other integer i32. Fails where a 64-bit integer is outside i32 or a BOOL is not 0 or 1.
 */
export const toLiteral = (x: Stored): E.Either<Unrepresentable, Literal> => {
  switch (x.dtype) {
    case 'F64':
    case 'F32':
      return E.right(literal(x.shape, 'f32', x.data))
    case 'F16':
      return E.right(literal(x.shape, 'f32', widenF16(x.data)))
    case 'BF16':
      return E.right(literal(x.shape, 'f32', widenBF16(x.data)))
    case 'U32':
      return E.right(literal(x.shape, 'u32', x.data))
    case 'I32':
    case 'U16':
    case 'I16':
    case 'I8':
    case 'U8':
      return E.right(literal(x.shape, 'i32', x.data))
    case 'I64':
    case 'U64':
      return fits<bigint>(x, 'i32', x.data, isI32, 'integers between -2^31 and 2^31 - 1')
    case 'BOOL':
      return fits<number>(x, 'bool', x.data, (value) => value <= 1, '0 or 1')
  }
}
