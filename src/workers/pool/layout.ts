/**
 * Where arrays stand in one memory: a pure function from the specs of arrays to their byte offsets.
 *
 * Arrays follow one another in path order, each at a multiple of 64 bytes: a cache line, so that two threads writing
 * neighbouring arrays never share one, and enough for any element type or SIMD load.
 */

import { aligned } from '../../tensor/alignment.js'
import { bytesPerElement, dtypes, type DType, type FloatWidth } from '../../tensor/dtype.js'
import type { Spec } from '../../tensor/program/program.js'
import { sizeOf } from '../../tensor/shape.js'
import { mapTree } from '../../tensor/tree.js'

/** `size` elements from byte `offset`. */
export type Place = { readonly offset: number; readonly size: number; readonly dtype: DType }

/** The same tree with a `B` for every spec. */
export type PerSpec<T, B> = T extends Spec
  ? B
  : T extends object
    ? { readonly [K in keyof T]: PerSpec<T[K], B> }
    : never

const isSpec = (x: unknown): x is Spec =>
  typeof x === 'object' &&
  x !== null &&
  'shape' in x &&
  Array.isArray(x.shape) &&
  'dtype' in x &&
  dtypes.some((dtype) => dtype === x.dtype)

/** The tree with `f(spec, path)` at each spec, in path order. */
export const mapSpecs = <T, B>(f: (spec: Spec, path: string) => B, tree: T): PerSpec<T, B> =>
  // `Mapped` of tree.ts speaks of tensors; the walk is the same.
  mapTree(isSpec, f, tree) as unknown as PerSpec<T, B>

export type Layout<T> = { readonly places: PerSpec<T, Place>; readonly bytes: number }

/**
 * Places for every array of a tree of specs, and the bytes that they take together. No two places overlap, and each
 * offset is a multiple of `alignment`. f32 takes 4 or 8 bytes an element as `floats` says.
 */
export const layOut = <const T>(floats: FloatWidth, tree: T): Layout<T> => {
  let bytes = 0
  const places = mapSpecs(({ shape, dtype }): Place => {
    const place = { offset: bytes, size: sizeOf(shape), dtype }
    bytes += aligned(place.size * bytesPerElement(dtype, floats))
    return place
  }, tree)
  return { places, bytes }
}

export const isPlace = (x: unknown): x is Place =>
  typeof x === 'object' && x !== null && 'offset' in x && typeof x.offset === 'number'
