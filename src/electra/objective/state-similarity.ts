/**
 * How alike the states are that a network gives to different tokens. Where all are nearly one, it may answer its own question well,
 * and tell a task little: a discriminator is asked for one number a token, and can give up the others.
 */

import { pipe } from 'fp-ts/lib/function.js'
import { cast, div, expandDims, gt, maximum, mul, sqrt, sub, sum, type Tensor } from '../../tensor/index.js'
import type { MetricSums } from './objective.js'

/** Below this a state counts as having no direction: far from where squares of f32 end. */
const leastNorm = 1e-12

/**
 * The mean cosine between the states of two tokens of a row, summed over the rows, and their number: the self-similarity of
 * Ethayarajh 2019, https://arxiv.org/abs/1909.00512, of the tokens of one text. Rows of less than two tokens have no pairs and count
 * for nothing.
 *
 * Shapes: mask `[b, L]`, 1 for real tokens; hidden `[b, L, h]`. The sums are scalars, f32.
 */
export const similarityMetrics =
  (mask: Tensor) =>
  (hidden: Tensor): MetricSums => {
    const real = cast('f32')(mask)
    const norm = pipe(hidden, mul(hidden), sum({ axes: -1 }), sqrt, maximum(leastNorm))
    const directions = pipe(hidden, mul(pipe(real, div(norm), expandDims(-1))))
    const total = sum({ axes: 1 })(directions)
    const tokens = sum({ axes: 1 })(real)
    const withThemselves = pipe(directions, mul(directions), sum({ axes: [1, 2] }))
    const cosines = pipe(total, mul(total), sum({ axes: -1 }), sub(withThemselves))
    const pairs = mul(tokens)(sub(1)(tokens))
    const hasPairs = pipe(pairs, gt(0), cast('f32'))
    return {
      stateSimilarity: pipe(cosines, div(maximum(1)(pairs)), mul(hasPairs), sum()),
      similarityRows: sum()(hasPairs)
    }
  }

export const similarityOf = (sums: MetricSums<ArrayLike<number>>): number =>
  sums.stateSimilarity[0] / sums.similarityRows[0]
