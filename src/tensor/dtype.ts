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

export const bytesPerElement = (dtype: DType, width: FloatWidth = 'float32'): number =>
  dtype === 'bool' ? 1 : dtype === 'f32' && width === 'float64' ? 8 : 4

/** A zeroed array for `size` elements. */
export const allocate = (dtype: DType, size: number, width: FloatWidth = 'float32'): Data => {
  switch (dtype) {
    case 'f32':
      return width === 'float64' ? new Float64Array(size) : new Float32Array(size)
    case 'i32':
      return new Int32Array(size)
    case 'u32':
      return new Uint32Array(size)
    case 'bool':
      return new Uint8Array(size)
  }
}

/** A view of `size` elements of a buffer, starting at byte `offset` (which must be a multiple of the element size). */
export const viewOf = (
  dtype: DType,
  buffer: ArrayBufferLike,
  offset: number,
  size: number,
  width: FloatWidth = 'float32'
): Data => {
  switch (dtype) {
    case 'f32':
      return width === 'float64' ? new Float64Array(buffer, offset, size) : new Float32Array(buffer, offset, size)
    case 'i32':
      return new Int32Array(buffer, offset, size)
    case 'u32':
      return new Uint32Array(buffer, offset, size)
    case 'bool':
      return new Uint8Array(buffer, offset, size)
  }
}

export const isInteger = (dtype: DType): boolean => dtype === 'i32' || dtype === 'u32'
