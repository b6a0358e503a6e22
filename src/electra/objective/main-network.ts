/**
 * A masked language model of the model's size that reads what a generator has written over the masked positions.
 *
 * It shares its embeddings with the generator, as ELECTRA's discriminator does, and takes the discriminator's place.
 */

import { foldName } from '../../nn/index.js'
import type { Tensor } from '../../tensor/index.js'
import type { Key } from '../../tensor/random.js'
import type { ElectraConfig, ModelConfig } from '../config/config.js'
import { networkOf, type Output, type Network } from '../flops/network.js'
import { encode } from '../model/body.js'
import type { MaskedLanguageModel } from '../model/generator.js'
import type { Denominators, ShardBatch } from './batch.js'
import { corruptedInput, type CorruptedInput, type Sampler } from './corrupted-input.js'
import type { Exported } from './exported.js'
import type { Generator } from './generators/generator.js'
import { maskedLmSpec } from './masked-lm.js'
import type { Objective, Pieces } from './objective.js'

export type MainParams<A = Tensor> = {
  readonly main: MaskedLanguageModel<A>
  /** Whatever the generator has of its own. */
  readonly generator?: unknown
}

export const mainSpec = (
  { model }: Pick<ElectraConfig, 'model'>,
  generator: Generator,
  vocabSize: number
): Objective['parameters'] => ({
  main: maskedLmSpec(model, vocabSize),
  ...(generator.parameters === undefined ? {} : { generator: generator.parameters })
})

export type MainForward = CorruptedInput & {
  /** The main network's hidden states `[b, L, h]` of the corrupted tokens. */
  readonly mainHidden: Tensor
}

/** Without a key nothing is dropped. */
export const mainForward =
  (model: ModelConfig, generator: Generator, sampler: Sampler) =>
  (
    { main, generator: own }: MainParams,
    batch: ShardBatch,
    denominators: Denominators,
    dropoutKey?: Key
  ): MainForward => {
    const made = corruptedInput(generator, sampler)({ main, generator: own }, batch, denominators, dropoutKey)
    const inputs = { ids: made.corrupted.ids, mask: batch.attentionMask, types: batch.tokenTypeIds }
    const key = dropoutKey === undefined ? undefined : foldName('main')(dropoutKey)
    return { ...made, mainHidden: encode(model, model.heads, key)(main.electra.embeddings, main.electra)(inputs).final }
  }

/** The main network as a masked language model, then the generator. */
export const mainExports = (
  { model }: Pick<ElectraConfig, 'model'>,
  { exported }: Generator
): ReadonlyArray<Exported> => [
  { name: 'main', half: 'generator', size: model, sources: ['main.'] },
  ...(exported === undefined ? [] : [exported('main.')])
]

export const mainNetworks = (
  config: ElectraConfig,
  generator: Generator,
  pieces: Pieces,
  ...outputs: ReadonlyArray<Output>
): ReadonlyArray<Network> => [
  networkOf(config, pieces)('model', config.model, ...outputs),
  ...generator.networks(config.sequenceLength)
]
