/**
 * Element types, and the plain arrays that hold their elements.
 *
 * `f32` is the only floating type of the vocabulary. A device may compute it in float64 (the reference device's float64
 * mode), and then holds it in a `Float64Array`; that is a property of the device, not of the tensor.
 */

export type DType = 'f32' | 'i32' | 'u32' | 'bool'

export const dtypes: ReadonlyArray<DType> = ['f32', 'i32', 'u32', 'bool']

/** What a device stores for one tensor. `bool` is one byte an element, 0 or 1. */
export type Data = Float32Array | Float64Array | Int32Array | Uint32Array | Uint8Array

/** How a device holds `f32`: as it is, or in double precision. */
export type FloatWidth = 'float32' | 'float64'

/** What makes arrays of one kind. */
type Arrays = {
  new (size: number): Data
  new (buffer: ArrayBufferLike, offset: number, size: number): Data
  readonly BYTES_PER_ELEMENT: number
  readonly name: string
}

const arrays: Readonly<Record<DType, Arrays>> = {
  f32: Float32Array,
  i32: Int32Array,
  u32: Uint32Array,
  bool: Uint8Array
}

/** The kind of arrays that hold a dtype. */
export const arraysOf = (dtype: DType, width: FloatWidth = 'float32'): Arrays =>
  dtype === 'f32' && width === 'float64' ? Float64Array : arrays[dtype]

export const bytesPerElement = (dtype: DType, width?: FloatWidth): number => arraysOf(dtype, width).BYTES_PER_ELEMENT

/** A zeroed array for `size` elements. */
export const allocate = (dtype: DType, size: number, width?: FloatWidth): Data => new (arraysOf(dtype, width))(size)

/** A view of `size` elements of a buffer, starting at byte `offset` (which must be a multiple of the element size). */
export const viewOf = (dtype: DType, buffer: ArrayBufferLike, offset: number, size: number, width?: FloatWidth): Data =>
  new (arraysOf(dtype, width))(buffer, offset, size)

/** Whether an element can be a number. Of f32 it can be any, rounded. */
export const holds = (dtype: DType, value: number): boolean => {
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

export const isInteger = (dtype: DType): boolean => dtype === 'i32' || dtype === 'u32'
