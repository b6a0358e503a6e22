/**
 * Trees of parameters, and maps from them to trees of the same type: gradients, moments, updates.
 */

import { shapeMismatch } from '../tensor/fault.js'
import type { Tensor } from '../tensor/index.js'
import { equalShapes } from '../tensor/shape.js'
import { mapTensors, zipTensors, type Tree } from '../tensor/tree.js'

/** A tree of f32 tensors. */
export type Params = Tree<Tensor>

/** The same tree with `f(x, path)` at each leaf. A tensor for a tensor: the type stays. */
export const mapParams = <P extends Params>(f: (x: Tensor, path: string) => Tensor, params: P): P => {
  const mapped: unknown = mapTensors<unknown, Tensor>(f, params)
  return mapped as P
}

/**
 * `f(x, y, path)` at each leaf of two trees of one structure and the same shapes, leaf by leaf.
 *
 * Throws `InvalidArgument` naming the first path that only one of them has, and `ShapeMismatch` naming the path where the
 * shapes differ: parameters do not broadcast.
 */
export const zipParams = <P extends Params>(
  f: (x: Tensor, y: Tensor, path: string) => Tensor,
  params: P,
  others: Params
): P => {
  const zipped: unknown = zipTensors<unknown, Tensor>(
    (x, y, path) => {
      if (!equalShapes(x.shape, y.shape)) throw shapeMismatch(path, x.shape, y.shape)
      return f(x, y, path)
    },
    params,
    others
  )
  return zipped as P
}
