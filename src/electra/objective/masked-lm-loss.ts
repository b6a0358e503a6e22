/**
 * The masked-LM loss, what is measured of it, and what the numbers mean.
 */

import { pipe } from 'fp-ts/lib/function.js'
import { categoricalHits, softmaxCrossEntropy, weightedMean, weightedSum } from '../../nn/index.js'
import { stopGradient, sum, type Tensor } from '../../tensor/index.js'
import type { ElectraConfig } from '../config/config.js'
import type { Column, Report } from '../training/columns.js'
import type { Denominators, ShardBatch } from './batch.js'
import { uniformEntropy, unmaskedEntropy } from './entropy.js'
import type { MetricSums } from './objective.js'
import type { Pieces } from './pieces.js'

/**
 * `sum w (-log p(original)) / (sum w + 1e-6)`, the second sum over the whole batch: `_get_masked_lm_output` of
 * google-research/electra, run_pretraining.py; Clark et al. 2020, section 2.
 */
export const maskedLmLoss =
  (batch: ShardBatch, denominators: Denominators) =>
  (logits: Tensor): Tensor =>
    pipe(logits, softmaxCrossEntropy(batch.maskedIds), weightedMean(batch.maskedWeights, denominators.maskedWeights))

export const maskedLmMetrics = (batch: ShardBatch, logits: Tensor, loss: Tensor): MetricSums => ({
  maskedLmLoss: stopGradient(loss),
  maskedTokens: sum()(batch.maskedWeights),
  maskedLmHits: pipe(stopGradient(logits), categoricalHits(batch.maskedIds), weightedSum(batch.maskedWeights))
})

export const maskedLmReport = (sums: MetricSums<ArrayLike<number>>, batches: number): Report => ({
  maskedLmLoss: sums.maskedLmLoss[0] / batches,
  maskedLmAccuracy: sums.maskedLmHits[0] / sums.maskedTokens[0]
})

/** The two numbers of a masked language model. */
export const maskedLmColumns = (
  config: Pick<ElectraConfig, 'replaceProbability' | 'randomProbability'>,
  { size, counts }: Pick<Pieces, 'size' | 'counts'>
): Readonly<Record<'loss' | 'accuracy', Column>> => ({
  loss: {
    name: 'maskedLmLoss',
    meaning: 'Mean cross-entropy of the original tokens at the masked positions, in nats.',
    better: 'down',
    digits: 3,
    label: 'masked-LM loss',
    bar: { label: 'mlm', digits: 2 },
    // Of what reads nothing but the place that it predicts: it is sure where the token itself is shown, unless random pieces are shown
    // too. A run begins on this plateau.
    baselines: (_, { unigramEntropy }) => ({
      noContext: config.replaceProbability * unigramEntropy + unmaskedEntropy(config, counts),
      chance: uniformEntropy(size)
    }),
    note: ({ unigramEntropy }) =>
      `No context: the best guess from the place alone, by frequency; what was left in its place is known (the pieces' entropy is ${unigramEntropy.toFixed(3)}). Chance: all guesses alike.`
  },
  accuracy: {
    name: 'maskedLmAccuracy',
    meaning: 'Share of the masked positions whose most probable token is the original.',
    better: 'up',
    digits: 3
  }
})
