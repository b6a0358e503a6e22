/**
 * ELECTRA's network without its heads: embeddings, their projection, and the encoder.
 *
 * Parameters are records under Hugging Face's names. The embeddings stand apart from the body that reads them, because the
 * generator reads the discriminator's.
 */

import { pipe } from 'fp-ts/lib/function.js'
import {
  activations,
  choosing,
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
  type Initialiser,
  layerNorm,
  type LayerNorm,
  layerNormSpec,
  pairFrequencies,
  sinusoids,
  type ParameterSpec,
  truncatedNormal,
  turned
} from '../../nn/index.js'
import type { InitialAttention } from '../config/schema.js'
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
}

/**
 * Attention that starts on neighbours: the heads of every layer look at the token before, the one behind, the one before the last,
 * and so on. Positions begin as sinusoids, orthogonal to each other and with twice the deviation of words. The queries of each
 * of n heads begin as every n-th of their pairs, and its keys as the same turned by its offset, so that a query at place p scores
 * highest with the key at p + offset, and alike with all others. Where embeddings are projected, the projection begins as a choice
 * of their columns, so that the layers read sinusoids, too.
 */
const offsetsOf = (heads: number): ReadonlyArray<number> =>
  Array.from({ length: heads }, (_, head) => (head % 2 === 0 ? -1 : 1) * (1 + Math.floor(head / 2)))

/** For each pair of hidden columns the pair of the embeddings that it begins as: evenly spread, or all in turn, again and again. */
const pairsChosen = (embeddingSize: number, hiddenSize: number): ReadonlyArray<number> => {
  const [from, to] = [embeddingSize / 2, hiddenSize / 2]
  return Array.from({ length: to }, (_, k) => (from > to ? Math.floor(((k + 0.5) * from) / to) : k % from))
}

/** The columns of these pairs out of `width`: sines, then cosines. */
const columnsOf = (pairs: ReadonlyArray<number>, width: number): ReadonlyArray<number> => [
  ...pairs,
  ...pairs.map((k) => width / 2 + k)
]

/** What positions have of the variance of an embedding, beside a word and a type, whose deviation truncation makes 0.8796257 of theirs. */
const positionShare = 2 / (2 + 2 * 0.8796257 * 0.8796257)

/** How far the score at the offset is above the others: three quarters of the attention in a row of 32, more in a shorter one. */
const localScore = 4.5

const localAttention = (
  encoder: Encoder<ParameterSpec>,
  { embeddingSize, hiddenSize, heads }: BodySize
): Encoder<ParameterSpec> => {
  const ofEmbeddings = pairFrequencies(embeddingSize / 2)
  const frequencies = pairsChosen(embeddingSize, hiddenSize).map((k) => ofEmbeddings[k])
  const size = hiddenSize / heads
  const columns = Array.from({ length: heads }, (_, head) =>
    columnsOf(
      Array.from({ length: size / 2 }, (_, j) => head + heads * j),
      hiddenSize
    )
  ).flat()
  const queries = choosing(columns, Math.sqrt(localScore / (positionShare * Math.sqrt(size))))
  const keys = turned(frequencies, offsetsOf(heads), queries)
  return {
    layer: encoder.layer.map(({ attention: { self, output }, ...layer }) => {
      const from = (part: Dense<ParameterSpec>, initialiser: Initialiser): Dense<ParameterSpec> => ({
        ...part,
        weight: { ...part.weight, initialiser }
      })
      return {
        ...layer,
        attention: { output, self: { ...self, query: from(self.query, queries), key: from(self.key, keys) } }
      }
    })
  }
}

/** Glorot-uniform, unlike every other kernel of the body: the original code left it TensorFlow's default. */
const projection = (
  { embeddingSize, hiddenSize }: BodySize,
  initialAttention: InitialAttention | undefined
): Initialiser =>
  initialAttention === 'local'
    ? choosing(columnsOf(pairsChosen(embeddingSize, hiddenSize), embeddingSize))
    : glorotUniform

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
    position_embeddings: table(maxPositions, initialAttention === 'local' ? sinusoids(2 * std) : undefined),
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
            projection(size, initialAttention)
          )
        }),
    encoder: initialAttention === 'local' ? localAttention(drawn, size) : drawn
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
      key: keyOf('encoder')
    })(body.encoder)(projected, inputs.mask)
  }
