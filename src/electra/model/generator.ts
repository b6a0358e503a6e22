/**
 * The generator: a masked language model whose softmax is tied to the word embeddings it reads.
 */

import { pipe } from 'fp-ts/lib/function.js'
import {
  type Dense,
  dense,
  denseSpec,
  gelu,
  type LayerNorm,
  layerNorm,
  layerNormSpec,
  parameter,
  type ParameterSpec,
  truncatedNormal,
  zeros
} from '../../nn/index.js'
import { add, dotGeneral, type Tensor } from '../../tensor/index.js'
import { bodySpec, type Body, type BodyOptions, type BodySize, type Embeddings } from './body.js'
import { gatherPositions } from './positions.js'

export type GeneratorHead<A = Tensor> = {
  readonly generator_predictions: { readonly dense: Dense<A>; readonly LayerNorm: LayerNorm<A> }
  /** The weight is the word embedding table. */
  readonly generator_lm_head: { readonly bias: A }
}

/** A generator that reads the discriminator's embeddings. */
export type Generator<A = Tensor> = GeneratorHead<A> & { readonly electra: Body<A> }

/** A masked language model of its own. */
export type MaskedLanguageModel<A = Tensor> = GeneratorHead<A> & {
  readonly electra: Body<A> & { readonly embeddings: Embeddings<A> }
}

export const generatorSpec = (
  size: BodySize,
  options: Pick<BodyOptions, 'initialAttention'>,
  vocabSize: number,
  std: number
): Generator<ParameterSpec> => ({
  electra: bodySpec(size, options, std),
  generator_predictions: {
    dense: denseSpec({ inputs: size.hiddenSize, outputs: size.embeddingSize }, truncatedNormal(std)),
    LayerNorm: layerNormSpec(size.embeddingSize)
  },
  generator_lm_head: { bias: parameter([vocabSize], zeros) }
})

/**
 * Logits over the vocabulary of hidden states.
 *
 *     y = LayerNorm(gelu(h W + b)),    logits = y Word^T + bias
 *
 * Shapes: hidden `[..., h]`; result `[..., V]`. f32.
 */
export const tokenLogits =
  (eps: number) =>
  (head: GeneratorHead, { word_embeddings }: Pick<Embeddings, 'word_embeddings'>) =>
  (hidden: Tensor): Tensor =>
    pipe(
      hidden,
      dense(head.generator_predictions.dense),
      gelu,
      layerNorm({ eps })(head.generator_predictions.LayerNorm),
      dotGeneral({ contract: { left: [-1], right: [1] } }, word_embeddings.weight),
      add(head.generator_lm_head.bias)
    )

/** The same at the given positions only. Shapes: hidden `[B, L, h]`, positions `[B, P]` (i32); result `[B, P, V]`. */
export const predictTokens =
  (eps: number) =>
  (head: GeneratorHead, embeddings: Pick<Embeddings, 'word_embeddings'>) =>
  (hidden: Tensor, positions: Tensor): Tensor =>
    pipe(hidden, gatherPositions(positions), tokenLogits(eps)(head, embeddings))
