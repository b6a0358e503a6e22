/**
 * A network as far as counting its arithmetic goes: sizes, what it reads, and what it says at which positions.
 *
 * Whoever trains networks describes them in these words, so that nobody who counts must know an objective by name.
 */

import type { ElectraConfig, EncoderSize } from '../config/config.js'
import type { BodySize } from '../model/body.js'

export type NetworkSize = BodySize & {
  readonly vocabSize: number
  readonly typeVocabSize: number
  /** Of one attention head, where all heads together are not as wide as the hidden state. */
  readonly headSize?: number
}

export type Output = {
  /**
   * What is computed at a position: `softmax`, a hidden layer of the embedding width and probabilities of all pieces; `binary`, a
   * hidden layer as wide as what it reads and one logit; `logit`, one without a hidden layer.
   */
  readonly kind: 'softmax' | 'binary' | 'logit'
  /** At every position, or only where a token is to be predicted. */
  readonly at: 'all' | 'masked'
  /** The width of what it reads, where that is not the network's hidden state: of two towers' states side by side, say. */
  readonly reads?: number
}

export type Network = {
  /** A `generator` only serves another network's training; others are what a run is for. */
  readonly role: 'generator' | 'discriminator' | 'model' | 'encoder' | 'decoder'
  readonly size: NetworkSize
  /** That it reads of each sequence. */
  readonly positions: number
  readonly outputs: ReadonlyArray<Output>
  /** Attends to an encoder's states, too, in every layer. */
  readonly crossAttention?: boolean
  /**
   * Passes through the network in a step, the backward one counted as one, on average over a run: 2 where it is trained in every
   * step (absent means that), 1 where it is only read.
   */
  readonly passes?: number
}

/** A network of a configuration: as long as its sequences, and with the model's embedding width where none is given. */
export const networkOf =
  ({ model, sequenceLength }: Pick<ElectraConfig, 'model' | 'sequenceLength'>, pieces: { readonly size: number }) =>
  (
    role: Network['role'],
    size: EncoderSize & { readonly embeddingSize?: number },
    ...outputs: ReadonlyArray<Output>
  ): Network => ({
    role,
    size: {
      hiddenSize: size.hiddenSize,
      layers: size.layers,
      heads: size.heads,
      feedForwardSize: size.feedForwardSize,
      embeddingSize: size.embeddingSize ?? model.embeddingSize,
      vocabSize: pieces.size,
      typeVocabSize: model.typeVocabSize
    },
    positions: sequenceLength,
    outputs
  })

const passesOf = ({ passes = 2 }: Network): number => passes

/** The networks of a run whose parts have the given shares of its steps, each once, with its passes on average. */
export const networksOf = (
  stages: ReadonlyArray<{ readonly share: number; readonly networks: ReadonlyArray<Network> }>
): ReadonlyArray<Network> => {
  const kindOf = (network: Network): string => JSON.stringify({ ...network, passes: undefined })
  const all = stages.flatMap(({ share, networks }) =>
    networks.map((network) => ({ ...network, passes: share * passesOf(network) }))
  )
  return [...new Set(all.map(kindOf))].map((kind) => {
    const same = all.filter((network) => kindOf(network) === kind)
    return { ...same[0], passes: same.reduce((sum, { passes }) => sum + passes, 0) }
  })
}
