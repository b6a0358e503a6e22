/**
 * Sizes that follow from others where a configuration does not give them.
 */

import { kindOf } from '../objective/table.js'
import { roundHalfToEven } from '../rounding.js'
import type { ElectraConfig, EncoderSize, ModelConfig } from './config.js'
import type { CompleteInput } from './schema.js'

/** Width of a head wherever the number of heads is not given. */
const headSize = 64

const headsFor = (hiddenSize: number): number => Math.max(1, Math.floor(hiddenSize / headSize))

const modelOf = ({ model }: CompleteInput): ModelConfig => ({
  ...model,
  embeddingSize: model.embeddingSize ?? model.hiddenSize,
  heads: model.heads ?? headsFor(model.hiddenSize),
  feedForwardSize: model.feedForwardSize ?? 4 * model.hiddenSize
})

/**
 * `h_g = round(h m_h)`, `n_g = round(n m_n)`, then heads and feed-forward width from `h_g`: those of the model do not
 * reach the generator. The published code's `m_h = 1/4` and `m_n = 1`, unless given.
 */
const ownSizes = (model: ModelConfig, given: CompleteInput['generator'] = {}): ElectraConfig['generator'] => {
  const hiddenSize = given.hiddenSize ?? roundHalfToEven(model.hiddenSize * (given.hiddenMultiplier ?? 0.25))
  return {
    hiddenSize,
    layers: given.layers ?? roundHalfToEven(model.layers * (given.layersMultiplier ?? 1)),
    heads: given.heads ?? headsFor(hiddenSize),
    feedForwardSize: given.feedForwardSize ?? 4 * hiddenSize,
    ...(given.kind === undefined ? {} : { kind: given.kind })
  }
}

const sizeOnly = ({ hiddenSize, layers, heads, feedForwardSize }: EncoderSize): EncoderSize => ({
  hiddenSize,
  layers,
  heads,
  feedForwardSize
})

/** The model's sizes where it is the generator's body, too, or where there is no other network. */
const generatorOf = (input: CompleteInput, model: ModelConfig): ElectraConfig['generator'] => {
  if (kindOf(input).generator === 'model sizes') return sizeOnly(model)
  if (input.sharing !== 'all') return ownSizes(model, input.generator)
  const kind = input.generator?.kind
  return { ...sizeOnly(model), ...(kind === undefined ? {} : { kind }) }
}

/** The configuration with all its sizes. */
export const fillIn = (input: CompleteInput): ElectraConfig => {
  const model = modelOf(input)
  return {
    ...input,
    packing: input.packing ?? 'segments',
    model,
    generator: generatorOf(input, model)
  }
}
