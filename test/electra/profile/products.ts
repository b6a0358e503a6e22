/** How many operations the products of a configuration take, written down from its sizes alone. */

import type { ElectraConfig, EncoderSize } from '../../../src/electra/config/config.js'
import { slotsOf } from '../../../src/electra/data/examples/masking.js'

/** Operations of the products that both networks take forward: `2 m n k` each. */
export const forwardProducts = (config: ElectraConfig, vocabSize: number, examples: number): number => {
  const { model, generator, sequenceLength, maskProbability, objective } = config
  const { embeddingSize, hiddenSize } = model
  const tokens = examples * sequenceLength
  const slots = examples * slotsOf(maskProbability, sequenceLength)
  const product = (m: number, k: number, n: number): number => 2 * m * k * n
  const encoder = ({ hiddenSize: h, feedForwardSize: f, layers }: EncoderSize): number => {
    const projected = embeddingSize === h ? 0 : product(tokens, embeddingSize, h)
    // Queries, keys, values and what becomes of them; scores and what they weigh, of all heads together.
    const attention = 4 * product(tokens, h, h) + 2 * product(tokens, h, sequenceLength)
    return projected + layers * (attention + product(tokens, h, f) + product(tokens, f, h))
  }
  const filling =
    encoder(generator) + product(slots, generator.hiddenSize, embeddingSize) + product(slots, embeddingSize, vocabSize)
  const judging = encoder(model) + product(tokens, hiddenSize, hiddenSize) + product(tokens, hiddenSize, 1)
  return objective === 'mlm' ? filling : filling + judging
}
