/**
 * Clipping by the global norm: Pascanu, Mikolov and Bengio 2013, https://arxiv.org/abs/1211.5063
 */

import { pipe } from 'fp-ts/lib/function.js'
import { add, div, full, maximum, mul, sqrt, square, sum, type Tensor } from '../tensor/index.js'
import { tensorsOf } from '../tensor/tree.js'
import { stateless, type Optimizer, type Stateless } from './optimizer.js'
import { mapParams, type Params } from './params.js'

/**
 * The Euclidean norm of all the tree's elements as one vector; 0 for an empty tree.
 *
 * Squares are summed within each tensor, then over tensors in path order, which fixes how the sum rounds. Shape `[]`.
 */
export const globalNorm = (tree: Params): Tensor =>
  sqrt(
    tensorsOf(tree)
      .map((x) => pipe(x, square, sum()))
      .reduce((total, squares) => pipe(total, add(squares)), full([], 0))
  )

/**
 * Scales all updates by `min(1, max / norm)`, computed as `max / max(norm, max)`: no division by a norm of 0.
 *
 * Afterwards the global norm is at most `max` up to rounding. Updates within it are multiplied by exactly 1.
 */
export const clipByGlobalNorm = (max: number): Optimizer<Stateless> =>
  stateless((updates) => {
    const scale = pipe(full([], max), div(maximum(max)(globalNorm(updates))))
    return mapParams((x) => pipe(x, mul(scale)), updates)
  })
