/**
 * ELECTRA's network without its heads: embeddings, their projection, and the encoder.
 *
 * Parameters are records under Hugging Face's names. The embeddings stand apart from the body that reads them, because the
 * generator reads the discriminator's.
 */

import { pipe } from 'fp-ts/lib/function.js'
import {
  activations,
  type Dense,
  dense,
  denseSpec,
  dropout,
  embedding,
  type Embedding,
  embeddingSpec,
  type Encoded,
  type Encoder,
  encoder,
  encoderSpec,
  foldName,
  glorotUniform,
  layerNorm,
  type LayerNorm,
  layerNormSpec,
  type ParameterSpec,
  truncatedNormal
} from '../../nn/index.js'
import type { InitialAttention } from '../config/schema.js'
import { localAttention, localPositions, localProjection, type LocalAttention } from './local-attention.js'
import { invalidArgument } from '../../tensor/fault.js'
import { add, slice, type Tensor } from '../../tensor/index.js'
import type { Key } from '../../tensor/random.js'

export type Embeddings<A = Tensor> = {
  readonly word_embeddings: Embedding<A>
  readonly position_embeddings: Embedding<A>
  readonly token_type_embeddings: Embedding<A>
  readonly LayerNorm: LayerNorm<A>
}

export type Body<A = Tensor> = {
  /** Only where the embedding width is not the hidden width. */
  readonly embeddings_project?: Dense<A>
  readonly encoder: Encoder<A>
}

/** The sizes of one network. */
export type BodySize = {
  readonly embeddingSize: number
  readonly hiddenSize: number
  readonly layers: number
  readonly heads: number
  readonly feedForwardSize: number
}

/** What both networks have alike. */
export type BodyOptions = {
  readonly initialAttention?: InitialAttention
  readonly maxPositions: number
  readonly typeVocabSize: number
  readonly hiddenDropout: number
  readonly attentionDropout: number
  readonly layerNormEps: number
}

/** Tokens as the networks read them. All `[B, L]`, i32. */
export type TokenInputs = {
  readonly ids: Tensor
  /** 1 real, 0 padding. */
  readonly mask: Tensor
  readonly types: Tensor
  /** Which tokens each one may see, beside the mask, where not all: see `SelfAttentionOptions`. `[L, L]`. */
  readonly pairMask?: Tensor
}

const beginsLocal = (started: InitialAttention | undefined): started is LocalAttention =>
  started === 'local' || started === 'mixed'

export const embeddingsSpec = (
  { embeddingSize }: Pick<BodySize, 'embeddingSize'>,
  { maxPositions, typeVocabSize, initialAttention }: BodyOptions,
  vocabSize: number,
  std: number
): Embeddings<ParameterSpec> => {
  const table = (rows: number, weight = truncatedNormal(std)): Embedding<ParameterSpec> =>
    embeddingSpec({ rows, width: embeddingSize }, weight)
  return {
    word_embeddings: table(vocabSize),
    position_embeddings: table(maxPositions, beginsLocal(initialAttention) ? localPositions(std) : undefined),
    token_type_embeddings: table(typeVocabSize),
    LayerNorm: layerNormSpec(embeddingSize)
  }
}

export const bodySpec = (
  size: BodySize,
  { initialAttention }: Pick<BodyOptions, 'initialAttention'>,
  std: number
): Body<ParameterSpec> => {
  const { embeddingSize, hiddenSize, layers, feedForwardSize } = size
  const drawn = encoderSpec({ layers, width: hiddenSize, intermediate: feedForwardSize }, truncatedNormal(std))
  return {
    ...(embeddingSize === hiddenSize
      ? {}
      : {
          embeddings_project: denseSpec(
            { inputs: embeddingSize, outputs: hiddenSize },
            // Glorot-uniform, unlike every other kernel of the body: the original code left it TensorFlow's default.
            beginsLocal(initialAttention) ? localProjection(size) : glorotUniform
          )
        }),
    encoder: beginsLocal(initialAttention) ? localAttention(drawn, size, initialAttention) : drawn
  }
}

/**
 * `LayerNorm(word[ids] + type[types] + position[0 .. L-1])`, then dropout.
 *
 * Shapes: ids and types `[B, L]`; result `[B, L, E]`. Throws `InvalidArgument` where L exceeds the position table.
 */
export const embed =
  ({ layerNormEps, hiddenDropout }: BodyOptions, key: Key | undefined) =>
  (params: Embeddings) =>
  ({ ids, types }: TokenInputs): Tensor => {
    const length = ids.shape[1]
    const [rows] = params.position_embeddings.weight.shape
    if (length > rows) throw invalidArgument('embed', `${length} tokens`, `at most ${rows} positions`)
    return pipe(
      embedding(params.word_embeddings)(ids),
      add(embedding(params.token_type_embeddings)(types)),
      add(slice([[0, length], null])(params.position_embeddings.weight)),
      layerNorm({ eps: layerNormEps })(params.LayerNorm),
      dropout({ rate: hiddenDropout, key })
    )
  }

/**
 * The hidden states of a network that reads tokens through `embeddings`.
 *
 * Shapes: inputs `[B, L]`; every result `[B, L, h]`. Without a key nothing is dropped.
 */
export const encode =
  (options: BodyOptions, heads: number, key: Key | undefined) =>
  (embeddings: Embeddings, body: Body) =>
  (inputs: TokenInputs): Encoded => {
    const keyOf = (name: string): Key | undefined => (key === undefined ? undefined : foldName(name)(key))
    const embedded = embed(options, keyOf('embeddings'))(embeddings)(inputs)
    const projected = body.embeddings_project === undefined ? embedded : dense(body.embeddings_project)(embedded)
    return encoder({
      heads,
      dropout: options.hiddenDropout,
      attentionDropout: options.attentionDropout,
      eps: options.layerNormEps,
      activation: activations.gelu,
      pairMask: inputs.pairMask,
      key: keyOf('encoder')
    })(body.encoder)(projected, inputs.mask)
  }
