/**
 * Replaced token detection: the joint objective of ELECTRA. Clark et al. 2020, section 2, https://arxiv.org/abs/2003.10555
 *
 *     L = L_mlm(generator) + 50 L_disc(discriminator)
 *
 * The generator fills masked positions, one token is sampled for each, and the discriminator says of every real token
 * whether it was replaced. No gradient passes through the sampling; both losses reach the shared embeddings.
 */

import { pipe } from 'fp-ts/lib/function.js'
import { foldName, sigmoidCrossEntropy, weightedMean, type ParameterSpec } from '../../nn/index.js'
import { add, cast, mul, type Tensor } from '../../tensor/index.js'
import type { Key } from '../../tensor/random.js'
import type { Tree } from '../../tensor/tree.js'
import type { ElectraConfig } from '../config/config.js'
import { networkOf } from '../flops/network.js'
import { encode, type Embeddings } from '../model/body.js'
import { discriminatorSpec, predictReplaced, type Discriminator } from '../model/discriminator.js'
import { generatorSpec, type Generator as GeneratorNetwork } from '../model/generator.js'
import type { Denominators, ShardBatch } from './batch.js'
import { corruptedInput, samplerOf, type CorruptedInput, type Sampler } from './corrupted-input.js'
import type { Corrupted } from './corruption.js'
import { discriminatorColumns, discriminatorMetrics, discriminatorReport, judgeOf } from './discriminator-metrics.js'
import type { Generator } from './generators/generator.js'
import { generatorOf, generatorProblems } from './generators/table.js'
import type { MetricSums, Objective, ObjectiveKind } from './objective.js'
import type { Pieces } from './pieces.js'
import { samplingColumns, samplingStage } from './sampling-stage.js'

export type JointParams<A = Tensor> = {
  readonly discriminator: Discriminator<A>
  /** Reads the discriminator's embeddings; tables of its own that it may have are read instead, one by one. */
  readonly generator: GeneratorNetwork<A> & { readonly electra: { readonly embeddings?: Partial<Embeddings<A>> } }
}

/** With any generator: its own parameters, or none of one that learns nothing. */
export type AnyJointParams<A = Tensor> = Pick<JointParams<A>, 'discriminator'> & { readonly generator?: Tree<A> }

/** Everything that one forward pass makes, for tests and verification. */
export type JointForward = CorruptedInput & {
  readonly corrupted: Corrupted
  readonly discriminatorLogits: Tensor
  readonly discriminatorLoss: Tensor
  readonly loss: Tensor
}

type Weights = Pick<ElectraConfig, 'generatorWeight' | 'discriminatorWeight'>

/** `generatorWeight L_g + discriminatorWeight L_d`. */
export const jointLoss = (
  { generatorWeight, discriminatorWeight }: Weights,
  { proposal }: Pick<CorruptedInput, 'proposal'>,
  discriminatorLoss: Tensor
): Tensor => pipe(proposal.loss, mul(generatorWeight), add(mul(discriminatorWeight)(discriminatorLoss)))

/** `generatorWeight L_g + discriminatorWeight L_d`. Without a key nothing is dropped. */
export const jointForward =
  ({ model, ...weights }: Weights & Pick<ElectraConfig, 'model'>, generator: Generator, sampler: Sampler) =>
  (params: AnyJointParams, batch: ShardBatch, denominators: Denominators, dropoutKey?: Key): JointForward => {
    const { discriminator } = params
    const made = corruptedInput(generator, sampler)(
      { main: discriminator, generator: params.generator },
      batch,
      denominators,
      dropoutKey
    )
    const { ids, labels } = made.corrupted
    const key = dropoutKey === undefined ? undefined : foldName('discriminator')(dropoutKey)
    const read = encode(model, model.heads, key)(discriminator.electra.embeddings, discriminator.electra)
    const hidden = read({ ids, mask: batch.attentionMask, types: batch.tokenTypeIds }).final
    const discriminatorLogits = predictReplaced(discriminator)(hidden)
    const discriminatorLoss = pipe(
      discriminatorLogits,
      sigmoidCrossEntropy(labels),
      weightedMean(cast('f32')(batch.attentionMask), denominators.attentionMask)
    )
    return {
      ...made,
      discriminatorLogits,
      discriminatorLoss,
      loss: jointLoss(weights, made, discriminatorLoss)
    }
  }

/** What the discriminator says of a shard, summed. */
export const jointMetrics = (batch: ShardBatch, forward: JointForward): MetricSums =>
  discriminatorMetrics(batch, {
    logits: forward.discriminatorLogits,
    labels: forward.corrupted.labels,
    loss: forward.discriminatorLoss
  })

/** The generator keeps the discriminator's embedding width. */
export const replacedTokenSpec = (
  { model, generator }: Pick<ElectraConfig, 'model' | 'generator'>,
  vocabSize: number
): JointParams<ParameterSpec> => ({
  discriminator: discriminatorSpec(model, model, vocabSize, model.initializerRange),
  generator: generatorSpec(
    { ...generator, embeddingSize: model.embeddingSize },
    model,
    vocabSize,
    model.initializerRange
  )
})

export const replacedTokenObjective = (config: ElectraConfig, pieces: Pieces): Objective => {
  const { model } = config
  const generator = generatorOf(config, pieces)
  const discriminator = discriminatorSpec(model, model, pieces.size, model.initializerRange)
  return {
    parameters: {
      discriminator,
      ...(generator.parameters === undefined ? {} : { generator: generator.parameters })
    },
    columns: samplingColumns(generator, discriminatorColumns),
    exports: [
      { name: 'discriminator', half: 'discriminator', size: model, sources: ['discriminator.'] },
      ...(generator.exported === undefined ? [] : [generator.exported('discriminator.')])
    ],
    judge: judgeOf(config),
    judged: (params, batch, denominators, key) => {
      const { corrupted, discriminatorLogits } = jointForward(config, generator, samplerOf(config, key))(
        params as AnyJointParams,
        batch,
        denominators
      )
      return { ids: corrupted.ids, logits: discriminatorLogits }
    },
    stages: [
      {
        share: 1,
        ...samplingStage(config, generator, {
          forward: (sampler) => jointForward(config, generator, sampler),
          metrics: jointMetrics,
          report: discriminatorReport
        }),
        networks: [
          networkOf(config, pieces)('discriminator', model, { kind: 'binary', at: 'all' }),
          ...generator.networks(config.sequenceLength)
        ]
      }
    ]
  }
}

export const replacedToken: ObjectiveKind = {
  about: 'replaced token detection: ELECTRA, Clark et al. 2020, section 2',
  generator: 'own sizes',
  problems: generatorProblems,
  // Of a generator that never draws the original, or has no network of its own, the discriminator implies nothing.
  likelihood: ({ generator: { kind }, disallowCorrect }) =>
    disallowCorrect === true || (kind ?? 'masked-lm') !== 'masked-lm'
      ? undefined
      : { by: 'replaced-token', network: 'discriminator', generator: 'generator' },
  make: replacedTokenObjective
}
