/**
 * A table of vectors, read by integer ids.
 */

import { take, type Tensor } from '../tensor/index.js'
import { parameter, bertNormal, type Initialiser, type ParameterSpec } from './initialiser.js'

/** `weight` is `[V, E]`: one row an id. */
export type Embedding<A = Tensor> = { readonly weight: A }

export type EmbeddingSize = { readonly rows: number; readonly width: number }

/** A table whose entries are drawn by the given initialiser, `bertNormal` unless said. */
export const embeddingSpec = (
  { rows, width }: EmbeddingSize,
  weight: Initialiser = bertNormal
): Embedding<ParameterSpec> => ({ weight: parameter([rows, width], weight) })

/**
 * `y[..., :] = weight[ids[...], :]`. Its gradient adds up over repeated ids.
 *
 * Shapes: ids `[...]` (i32), result `[..., E]`. An id outside `[0, V)` that a program computes or is given
 * reads zeros; one that is known when the expression is written is a `TensorFault`.
 */
export const embedding =
  ({ weight }: Embedding) =>
  (ids: Tensor): Tensor =>
    take(ids, 0)(weight)
