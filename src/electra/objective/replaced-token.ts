/**
 * Replaced token detection: the joint objective of ELECTRA. Clark et al. 2020, section 2, https://arxiv.org/abs/2003.10555
 *
 *     L = L_mlm(generator) + 50 L_disc(discriminator)
 *
 * The generator fills masked positions, one token is sampled for each, and the discriminator says of every real token
 * whether it was replaced. No gradient passes through the sampling; both losses reach the shared embeddings.
 */

import { pipe } from 'fp-ts/lib/function.js'
import {
  binaryHits,
  foldName,
  sigmoidCrossEntropy,
  weightedMean,
  weightedSum,
  type ParameterSpec
} from '../../nn/index.js'
import { add, cast, eq, gt, mul, stopGradient, sum, type Tensor } from '../../tensor/index.js'
import type { ElectraConfig } from '../config/config.js'
import { encode, type Embeddings } from '../model/body.js'
import { discriminatorSpec, predictReplaced, type Discriminator } from '../model/discriminator.js'
import { generatorSpec, predictTokens, type Generator } from '../model/generator.js'
import { aucOfHistogram, logitHistogram } from './auc.js'
import type { Denominators, ShardBatch } from './batch.js'
import { binaryEntropy } from './entropy.js'
import { corrupt, sampleTokens, type Corrupted } from './corruption.js'
import type { Column, Report } from '../training/columns.js'
import { maskedLmColumns, maskedLmLoss, maskedLmMetrics, maskedLmReport } from './masked-lm.js'
import type { Key } from '../../tensor/random.js'
import type { ForwardMode, Judge, MetricSums, Objective, ObjectiveKind, Pieces, ShardLoss } from './objective.js'

export type JointParams<A = Tensor> = {
  readonly discriminator: Discriminator<A>
  /** Reads the discriminator's embeddings; tables of its own that it may have are read instead, one by one. */
  readonly generator: Generator<A> & { readonly electra: { readonly embeddings?: Partial<Embeddings<A>> } }
}

/** Everything that one forward pass makes, for tests and verification. */
export type JointForward = {
  readonly generatorLogits: Tensor
  readonly sampled: Tensor
  readonly corrupted: Corrupted
  readonly discriminatorLogits: Tensor
  readonly maskedLmLoss: Tensor
  readonly discriminatorLoss: Tensor
  readonly loss: Tensor
}

/** How the slots' tokens are chosen from the generator's logits `[b, P, V]`: ids `[b, P]`, i32. */
export type Sampler = (logits: Tensor) => Tensor

type JointConfig = Pick<ElectraConfig, 'model' | 'generator' | 'generatorWeight' | 'discriminatorWeight'>

/** Without a key nothing is dropped. */
export const jointForward =
  (config: JointConfig, sampler: Sampler) =>
  (params: JointParams, batch: ShardBatch, denominators: Denominators, dropoutKey?: Key): JointForward => {
    const { model, generator: size } = config
    const { discriminator, generator } = params
    const keyOf = (name: string): Key | undefined => (dropoutKey === undefined ? undefined : foldName(name)(dropoutKey))
    const inputs = { mask: batch.attentionMask, types: batch.tokenTypeIds }
    const shared = { ...discriminator.electra.embeddings, ...generator.electra.embeddings }

    const filled = encode(model, size.heads, keyOf('generator'))(shared, generator.electra)({
      ids: batch.maskedInputIds,
      ...inputs
    }).final
    const generatorLogits = predictTokens(model.layerNormEps)(generator, shared)(filled, batch.maskedPositions)
    const sampled = sampler(generatorLogits)
    const corrupted = pipe(batch.inputIds, corrupt(batch.maskedPositions, sampled))

    const judged = encode(
      model,
      model.heads,
      keyOf('discriminator')
    )(
      discriminator.electra.embeddings,
      discriminator.electra
    )({ ids: corrupted.ids, ...inputs }).final
    const discriminatorLogits = predictReplaced(discriminator)(judged)

    const lmLoss = maskedLmLoss(batch, denominators)(generatorLogits)
    const discriminatorLoss = pipe(
      discriminatorLogits,
      sigmoidCrossEntropy(corrupted.labels),
      weightedMean(cast('f32')(batch.attentionMask), denominators.attentionMask)
    )
    return {
      generatorLogits,
      sampled,
      corrupted,
      discriminatorLogits,
      maskedLmLoss: lmLoss,
      discriminatorLoss,
      loss: pipe(lmLoss, mul(config.generatorWeight), add(mul(config.discriminatorWeight)(discriminatorLoss)))
    }
  }

const discriminatorMetrics = (batch: ShardBatch, forward: JointForward): MetricSums => {
  const mask = cast('f32')(batch.attentionMask)
  const logits = stopGradient(forward.discriminatorLogits)
  const { labels } = forward.corrupted
  const flagged = pipe(logits, gt(0), cast('f32'))
  return {
    discriminatorLoss: stopGradient(forward.discriminatorLoss),
    tokens: sum()(mask),
    replacedTokens: weightedSum(mask)(labels),
    discriminatorHits: pipe(logits, binaryHits(labels), weightedSum(mask)),
    flaggedTokens: weightedSum(mask)(flagged),
    flaggedReplacedTokens: weightedSum(mask)(mul(labels)(flagged)),
    logitHistogram: logitHistogram(labels, mask)(logits)
  }
}

/** Asks the discriminator about a text that no generator of this run has touched. */
const judge = ({ model }: Pick<ElectraConfig, 'model'>): Judge => ({
  metrics: (params, { inputIds, attentionMask, tokenTypeIds, labels }) => {
    const { discriminator } = params as JointParams
    const { embeddings } = discriminator.electra
    const inputs = { ids: inputIds, mask: attentionMask, types: tokenTypeIds }
    const hidden = encode(model, model.heads, undefined)(embeddings, discriminator.electra)(inputs).final
    const counted = logitHistogram(cast('f32')(labels), cast('f32')(attentionMask))
    return { logitHistogram: pipe(hidden, predictReplaced(discriminator), counted) }
  },
  report: (sums) => ({ fixedCorruptionAuc: aucOfHistogram(sums.logitHistogram) })
})

const shardLoss =
  (config: ElectraConfig) =>
  (params: JointParams, batch: ShardBatch, denominators: Denominators, run: ForwardMode): ShardLoss => {
    const sampler = sampleTokens(config.temperature, foldName('sample')(run.key))
    const forward = jointForward(config, sampler)(params, batch, denominators, run.training ? run.key : undefined)
    const sampledHits = pipe(forward.sampled, eq(batch.maskedIds), cast('f32'), weightedSum(batch.maskedWeights))
    return {
      loss: forward.loss,
      metrics: {
        loss: stopGradient(forward.loss),
        ...maskedLmMetrics(batch, forward.generatorLogits, forward.maskedLmLoss),
        sampledHits,
        ...discriminatorMetrics(batch, forward)
      }
    }
  }

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

/** The numbers of a discriminator. */
export const discriminatorColumns: ReadonlyArray<Column> = [
  {
    name: 'discriminatorLoss',
    meaning: 'Mean binary cross-entropy of replaced or not, over all real tokens, in nats.',
    better: 'down',
    digits: 4,
    label: 'discriminator loss',
    bar: { label: 'disc', digits: 3 },
    baselines: ({ baseRateEntropy }) => ({ noContext: baseRateEntropy, chance: Math.LN2 })
  },
  {
    name: 'discriminatorAccuracy',
    meaning: 'Share of the real tokens that the discriminator is right about.',
    better: 'up',
    digits: 3,
    label: 'discriminator accuracy',
    bar: { label: 'acc', digits: 3 },
    baselines: ({ replacedRate }) => ({ noContext: 1 - replacedRate, chance: 0.5 })
  },
  {
    name: 'discriminatorPrecision',
    meaning: 'Share of the flagged tokens that were replaced.',
    better: 'up',
    digits: 3
  },
  { name: 'discriminatorRecall', meaning: 'Share of the replaced tokens that are flagged.', better: 'up', digits: 3 },
  {
    name: 'discriminatorAuc',
    meaning: "Probability that a replaced token's logit exceeds another one's.",
    better: 'up',
    digits: 3,
    label: 'discriminator AUC',
    bar: { label: 'auc', digits: 3 },
    baselines: () => ({ chance: 0.5 })
  },
  {
    name: 'replacedRate',
    meaning: 'Share of the real tokens that were replaced by another one.',
    better: 'neither',
    digits: 4
  },
  {
    name: 'baseRateEntropy',
    meaning: 'Loss of a discriminator that always predicts that share, in nats.',
    better: 'neither',
    digits: 4
  },
  {
    name: 'fixedCorruptionAuc',
    meaning: 'The same AUC on held-out text in which 15 % of the tokens are replaced by pieces drawn by frequency.',
    better: 'up',
    digits: 3,
    label: 'AUC, fixed corruption',
    bar: { label: 'fixed auc', digits: 3 },
    baselines: () => ({ chance: 0.5 }),
    note: () =>
      'The fixed corruption replaces 15 % of the held-out tokens by pieces drawn by frequency: the same in every run.'
  }
]

/** The discriminator's numbers from sums over `batches` batches. */
export const discriminatorReport = (sums: MetricSums<ArrayLike<number>>, batches: number): Report => {
  const tokens = sums.tokens[0]
  const replaced = sums.replacedTokens[0]
  return {
    discriminatorLoss: sums.discriminatorLoss[0] / batches,
    discriminatorAccuracy: sums.discriminatorHits[0] / tokens,
    discriminatorPrecision: sums.flaggedReplacedTokens[0] / sums.flaggedTokens[0],
    discriminatorRecall: sums.flaggedReplacedTokens[0] / replaced,
    discriminatorAuc: aucOfHistogram(sums.logitHistogram),
    replacedRate: replaced / tokens,
    baseRateEntropy: binaryEntropy(replaced / tokens)
  }
}

export const replacedTokenObjective = (config: ElectraConfig, pieces: Pick<Pieces, 'size'>): Objective => {
  const { model, generator } = config
  const columns = maskedLmColumns(config, pieces)
  return {
    parameters: replacedTokenSpec(config, pieces.size),
    columns: [columns.loss, columns.accuracy, ...discriminatorColumns],
    exports: [
      { name: 'discriminator', half: 'discriminator', size: model, sources: ['discriminator.'] },
      {
        name: 'generator',
        half: 'generator',
        size: { ...generator, embeddingSize: model.embeddingSize },
        sources: ['discriminator.', 'generator.']
      }
    ],
    judge: judge(config),
    judged: (params, batch, denominators, key) => {
      const { corrupted, discriminatorLogits } = jointForward(config, sampleTokens(config.temperature, key))(
        params as JointParams,
        batch,
        denominators
      )
      return { ids: corrupted.ids, logits: discriminatorLogits }
    },
    stages: [
      {
        share: 1,
        shardLoss: (params, ...rest) => shardLoss(config)(params as JointParams, ...rest),
        report: (sums, batches) => ({
          loss: sums.loss[0] / batches,
          ...maskedLmReport(sums, batches),
          sampledAccuracy: sums.sampledHits[0] / sums.maskedTokens[0],
          ...discriminatorReport(sums, batches)
        })
      }
    ]
  }
}

export const replacedToken: ObjectiveKind = {
  about: 'replaced token detection: ELECTRA, Clark et al. 2020, section 2',
  generator: 'own sizes',
  make: replacedTokenObjective
}
