/**
 * The f32 leaves of a tree, apart from the leaves that carry no derivative: token ids, masks, keys.
 */

import type { Tensor } from '../tensor/tensor.js'
import { mapTensors, tensorEntries, type Mapped } from '../tensor/tree.js'

/** The f32 leaves with their paths, in order. */
export const floatEntries = (tree: unknown): ReadonlyArray<readonly [string, Tensor]> =>
  tensorEntries(tree).filter(([, x]) => x.dtype === 'f32')

/** The tree with `values`, in order, at its f32 leaves and `other(leaf)` at the rest. */
export const placeFloats = <T, A, B>(tree: T, values: ReadonlyArray<A>, other: (x: Tensor) => B): Mapped<T, A | B> => {
  let next = 0
  return mapTensors((x): A | B => (x.dtype === 'f32' ? values[next++] : other(x)), tree)
}

/** `f` as a function of its argument's f32 leaves alone; the other leaves stay those of `at`. */
export const ofFloats =
  <P, V>(f: (args: P) => V, at: P) =>
  (leaves: ReadonlyArray<Tensor>): V =>
    f(placeFloats(at, leaves, (x) => x) as P)
