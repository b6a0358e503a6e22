/**
 * What is measured of a discriminator, and what the numbers mean.
 */

import { pipe } from 'fp-ts/lib/function.js'
import { binaryHits, weightedSum } from '../../nn/index.js'
import { cast, gt, mul, stopGradient, sum, type Tensor } from '../../tensor/index.js'
import type { ElectraConfig } from '../config/config.js'
import { encode } from '../model/body.js'
import { predictReplaced, type Discriminator } from '../model/discriminator.js'
import type { Column, Report } from '../training/columns.js'
import { aucOfHistogram, logitHistogram } from './auc.js'
import type { ShardBatch } from './batch.js'
import { binaryEntropy } from './entropy.js'
import type { Judge, MetricSums } from './objective.js'
import { similarityMetrics, similarityOf } from './state-similarity.js'

/** What a discriminator says of a shard, and what is true: logits and labels of one shape; the loss a scalar. */
export type Verdict = { readonly logits: Tensor; readonly labels: Tensor; readonly loss: Tensor }

/** Sums over the tokens that are not padding. Logits and labels `[b, L]`. */
export const discriminatorMetrics = (
  { attentionMask }: Pick<ShardBatch, 'attentionMask'>,
  verdict: Verdict
): MetricSums => verdictMetrics(cast('f32')(attentionMask), verdict)

/** Sums over what has a weight of 1 rather than 0; the weights have the shape of the logits. */
export const verdictMetrics = (mask: Tensor, { logits: withGradient, labels, loss }: Verdict): MetricSums => {
  const logits = stopGradient(withGradient)
  const flagged = pipe(logits, gt(0), cast('f32'))
  return {
    discriminatorLoss: stopGradient(loss),
    tokens: sum()(mask),
    replacedTokens: weightedSum(mask)(labels),
    discriminatorHits: pipe(logits, binaryHits(labels), weightedSum(mask)),
    flaggedTokens: weightedSum(mask)(flagged),
    flaggedReplacedTokens: weightedSum(mask)(mul(labels)(flagged)),
    logitHistogram: logitHistogram(labels, mask)(logits)
  }
}

/** Asks the discriminator about a text that no generator of this run has touched. */
export const judgeOf = ({ model }: Pick<ElectraConfig, 'model'>): Judge => ({
  metrics: (params, { inputIds, attentionMask, tokenTypeIds, labels }) => {
    const { discriminator } = params as { readonly discriminator: Discriminator }
    const { embeddings } = discriminator.electra
    const inputs = { ids: inputIds, mask: attentionMask, types: tokenTypeIds }
    const hidden = encode(model, model.heads, undefined)(embeddings, discriminator.electra)(inputs).final
    const counted = logitHistogram(cast('f32')(labels), cast('f32')(attentionMask))
    return {
      logitHistogram: pipe(hidden, predictReplaced(discriminator), counted),
      ...similarityMetrics(attentionMask)(hidden)
    }
  },
  report: (sums) => ({
    fixedCorruptionAuc: aucOfHistogram(sums.logitHistogram),
    stateSimilarity: similarityOf(sums)
  })
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
    baselines: ({ replacedRate }) => ({ noContext: Math.max(replacedRate, 1 - replacedRate), chance: 0.5 })
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
    meaning:
      'AUC of the logits on held-out text in which 15 % of the tokens are replaced by pieces drawn by frequency.',
    better: 'up',
    digits: 3,
    label: 'AUC, fixed corruption',
    bar: { label: 'fixed auc', digits: 3 },
    baselines: () => ({ chance: 0.5 }),
    note: () =>
      'The fixed corruption replaces 15 % of the held-out tokens by pieces drawn by frequency: the same in every run.'
  },
  {
    name: 'stateSimilarity',
    meaning:
      "Mean cosine between the discriminator's last states of two tokens of a held-out text: near 1 they tell a task little.",
    better: 'neither',
    digits: 3,
    label: 'similarity of states'
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
