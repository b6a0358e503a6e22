/**
 * A masked language model of the model's size that reads what a generator has written over the masked positions.
 *
 * It takes the place of ELECTRA's discriminator: what generators share, they share with it.
 */

import { foldName, type ParameterSpec } from '../../nn/index.js'
import type { Tensor } from '../../tensor/index.js'
import type { Key } from '../../tensor/random.js'
import type { Tree } from '../../tensor/tree.js'
import type { ElectraConfig } from '../config/config.js'
import { encode } from '../model/body.js'
import type { MaskedLanguageModel } from '../model/generator.js'
import type { Denominators, ShardBatch } from './batch.js'
import { corruptedInput, type CorruptedInput, type Sampler } from './corrupted-input.js'
import type { Exported } from './exported.js'
import type { Generator } from './generators/generator.js'
import { maskedLmSpec } from './masked-lm.js'

export type MainParams<A = Tensor> = {
  readonly main: MaskedLanguageModel<A>
  /** The generator's own; none of one that learns nothing. */
  readonly generator?: Tree<A>
}

export const mainSpec = (
  { model }: Pick<ElectraConfig, 'model'>,
  { parameters }: Generator,
  vocabSize: number
): MainParams<ParameterSpec> => ({
  main: maskedLmSpec(model, vocabSize),
  ...(parameters === undefined ? {} : { generator: parameters })
})

export type MainForward = CorruptedInput & {
  /** The main network's hidden states `[b, L, h]` of the corrupted tokens. */
  readonly hidden: Tensor
}

/** Without a key nothing is dropped. */
export const mainForward =
  ({ model }: Pick<ElectraConfig, 'model'>, generator: Generator, sampler: Sampler) =>
  (params: MainParams, batch: ShardBatch, denominators: Denominators, dropoutKey?: Key): MainForward => {
    const { main } = params
    const given = { main, generator: params.generator }
    const made = corruptedInput(generator, sampler)(given, batch, denominators, dropoutKey)
    const key = dropoutKey === undefined ? undefined : foldName('main')(dropoutKey)
    const inputs = { ids: made.corrupted.ids, mask: batch.attentionMask, types: batch.tokenTypeIds }
    return { ...made, hidden: encode(model, model.heads, key)(main.electra.embeddings, main.electra)(inputs).final }
  }

/** The networks as masked language models, the main one first. */
export const mainExports = (
  { model }: Pick<ElectraConfig, 'model'>,
  { exported }: Generator
): ReadonlyArray<Exported> => [
  { name: 'main', half: 'generator', size: model, sources: ['main.'] },
  ...(exported === undefined ? [] : [exported('main.')])
]
