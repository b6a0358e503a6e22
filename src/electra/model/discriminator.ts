/**
 * The discriminator: for every token, the logit that it was replaced.
 */

import { pipe } from 'fp-ts/lib/function.js'
import {
  type Dense,
  dense,
  denseSpec,
  gelu,
  glorotUniform,
  type ParameterSpec,
  truncatedNormal
} from '../../nn/index.js'
import { squeeze, type Tensor } from '../../tensor/index.js'
import { bodySpec, embeddingsSpec, type Body, type BodyOptions, type BodySize, type Embeddings } from './body.js'

export type DiscriminatorHead<A = Tensor> = {
  readonly discriminator_predictions: { readonly dense: Dense<A>; readonly dense_prediction: Dense<A> }
}

export type Discriminator<A = Tensor> = DiscriminatorHead<A> & {
  readonly electra: Body<A> & { readonly embeddings: Embeddings<A> }
}

export const discriminatorSpec = (
  size: BodySize,
  options: BodyOptions,
  vocabSize: number,
  std: number
): Discriminator<ParameterSpec> => ({
  electra: { embeddings: embeddingsSpec(size, options, vocabSize, std), ...bodySpec(size, options, std) },
  discriminator_predictions: {
    dense: denseSpec({ inputs: size.hiddenSize, outputs: size.hiddenSize }, truncatedNormal(std)),
    dense_prediction: denseSpec({ inputs: size.hiddenSize, outputs: 1 }, glorotUniform)
  }
})

/**
 * `logit = w . gelu(h W + b) + c`; above 0 means *replaced* (the paper's D is the probability of *original*: the sigmoid
 * of minus this).
 *
 * Shapes: hidden `[B, L, h]`; result `[B, L]`. f32.
 */
export const predictReplaced =
  (head: DiscriminatorHead) =>
  (hidden: Tensor): Tensor =>
    pipe(
      hidden,
      dense(head.discriminator_predictions.dense),
      gelu,
      dense(head.discriminator_predictions.dense_prediction),
      squeeze(-1)
    )
