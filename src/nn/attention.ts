/**
 * Multi-head self-attention: Vaswani et al. 2017, https://arxiv.org/abs/1706.03762, as BERT and ELECTRA do it.
 */

import { pipe } from 'fp-ts/lib/function.js'
import { add, cast, dotGeneral, expandDims, mul, permute, reshape, softmax, sub, type Tensor } from '../tensor/index.js'
import { invalidArgument, shapeMismatch } from '../tensor/fault.js'
import type { Key } from '../tensor/random.js'
import { dense, denseSpec, type Dense } from './dense.js'
import { dropout } from './dropout.js'
import { bertNormal, type Initialiser, type ParameterSpec } from './initialiser.js'

/** Three dense layers `[h] -> [h]`, under Hugging Face's names. */
export type SelfAttention<A = Tensor> = {
  readonly query: Dense<A>
  readonly key: Dense<A>
  readonly value: Dense<A>
}

export type SelfAttentionOptions = {
  /** How many heads share the width h. They must divide it. */
  readonly heads: number
  /** The dropout rate of the attention probabilities. Rows are not renormalised afterwards. */
  readonly dropout: number
  /** Absent in evaluation. */
  readonly key?: Key
  /**
   * Which keys each query may see: 1 yes, 0 no. Any shape that broadcasts to `[B, heads, L, L]`; times the key mask.
   * `tril()(ones([L, L]))` is left to right.
   */
  readonly pairMask?: Tensor
}

/** The parameters of self-attention over width h: weights drawn by the given initialiser, biases 0. */
export const selfAttentionSpec = (width: number, weight: Initialiser = bertNormal): SelfAttention<ParameterSpec> => {
  const square = denseSpec({ inputs: width, outputs: width }, weight)
  return { query: square, key: square, value: square }
}

/**
 * What is added to the scores: `(1 - mask) (-10000)`, 0 where a key may be seen.
 *
 * -10000 is large enough that the softmax weight of a masked key is exactly 0 in float32 and float64 beside any key that
 * may be seen, and finite, so that a row with every key masked gives an ordinary softmax and not NaN.
 *
 * Shapes: mask `[...]` of any dtype, 1 or 0; result the same, f32.
 */
export const maskBias = (mask: Tensor): Tensor => pipe(mask, cast('f32'), sub(1), mul(10000))

const scoreBias = (mask: Tensor, pairMask: Tensor | undefined): Tensor => {
  const keys = pipe(mask, cast('f32'), expandDims(1), expandDims(1))
  return maskBias(pairMask === undefined ? keys : pipe(keys, mul(cast('f32')(pairMask))))
}

/**
 * Self-attention without the output projection.
 *
 *     S = Q K^T / sqrt(s) + (1 - mask) (-10000),    s = h / heads
 *     y = concat over heads of dropout(softmax(S)) V
 *
 * The mask removes keys, not queries: rows of padding positions are computed, and are for later weights to ignore. The
 * queries are scaled rather than the scores, which are `L / s` times as many.
 *
 * Shapes: x `[B, L, h]`, mask `[B, L]` (any dtype; 1 real, 0 padding); result `[B, L, h]`. f32.
 * Throws `ShapeMismatch` where the mask is not x's first two axes, `InvalidArgument` where the heads do not divide h.
 */
export const selfAttention =
  ({ heads, dropout: rate, key, pairMask }: SelfAttentionOptions) =>
  (params: SelfAttention) =>
  (x: Tensor, mask: Tensor): Tensor => {
    const [batch, length, width, ...rest] = x.shape
    if (width === undefined || rest.length > 0)
      throw invalidArgument('selfAttention', `rank ${x.shape.length}`, 'x of shape [batch, length, width]')
    if (mask.shape.length !== 2 || mask.shape[0] !== batch || mask.shape[1] !== length)
      throw shapeMismatch('selfAttention', x.shape, mask.shape)
    if (!Number.isInteger(heads) || heads < 1 || width % heads !== 0)
      throw invalidArgument(
        'selfAttention',
        `${heads} heads for width ${width}`,
        'a number of heads that divides the width'
      )
    const size = width / heads
    const perHead = reshape([batch, length, heads, size])
    const query = pipe(x, dense(params.query), mul(1 / Math.sqrt(size)), perHead)
    const keys = pipe(x, dense(params.key), perHead)
    const values = pipe(x, dense(params.value), perHead)
    const scores = pipe(
      query,
      dotGeneral({ batch: { left: [0, 2], right: [0, 2] }, contract: { left: [3], right: [3] } }, keys),
      add(scoreBias(mask, pairMask))
    )
    return pipe(
      scores,
      softmax(-1),
      dropout({ rate, key }),
      dotGeneral({ batch: { left: [0, 1], right: [0, 2] }, contract: { left: [3], right: [1] } }, values),
      permute([0, 2, 1, 3]),
      reshape([batch, length, width])
    )
  }
