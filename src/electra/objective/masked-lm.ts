/**
 * The masked-LM loss and its metrics, and the baseline that has nothing else: BERT without next-sentence prediction.
 */

import { pipe } from 'fp-ts/lib/function.js'
import { categoricalHits, softmaxCrossEntropy, weightedMean, weightedSum } from '../../nn/index.js'
import { stopGradient, sum, type Tensor } from '../../tensor/index.js'
import type { ElectraConfig } from '../config/config.js'
import { bodySpec, embeddingsSpec, encode } from '../model/body.js'
import { generatorSpec, predictTokens, type MaskedLanguageModel } from '../model/generator.js'
import type { Column, Report } from '../training/columns.js'
import type { Denominators, ShardBatch } from './batch.js'
import { uniformEntropy } from './entropy.js'
import type { MetricSums, Objective, ObjectiveKind, Pieces } from './objective.js'

/**
 * `sum w (-log p(original)) / (sum w + 1e-6)`, the second sum over the whole batch. Spec: section 2.6 of the original
 * code's losses; Clark et al. 2020, section 2.
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
  { replaceProbability }: Pick<ElectraConfig, 'replaceProbability'>,
  { size }: Pick<Pieces, 'size'>
): Readonly<Record<'loss' | 'accuracy', Column>> => ({
  loss: {
    name: 'maskedLmLoss',
    meaning: 'Mean cross-entropy of the original tokens at the masked positions, in nats.',
    better: 'down',
    digits: 3,
    label: 'masked-LM loss',
    bar: { label: 'mlm', digits: 2 },
    // Where the token itself is shown, what reads nothing but the place it predicts is sure. A run begins on this plateau.
    baselines: (_, { unigramEntropy }) => ({
      noContext: replaceProbability * unigramEntropy,
      chance: uniformEntropy(size)
    }),
    note: ({ unigramEntropy }) =>
      `No context: always the same guess, by frequency (the pieces' entropy is ${unigramEntropy.toFixed(3)}). Chance: all guesses alike.`
  },
  accuracy: {
    name: 'maskedLmAccuracy',
    meaning: 'Share of the masked positions whose most probable token is the original.',
    better: 'up',
    digits: 3
  }
})

/** One network of the model's size reads the masked input; its loss is the masked-LM loss alone. */
export const maskedLmObjective = (config: ElectraConfig, pieces: Pick<Pieces, 'size'>): Objective => {
  const { model } = config
  const columns = maskedLmColumns(config, pieces)
  return {
    parameters: {
      generator: {
        ...generatorSpec(model, model, pieces.size, model.initializerRange),
        electra: {
          embeddings: embeddingsSpec(model, model, pieces.size, model.initializerRange),
          ...bodySpec(model, model, model.initializerRange)
        }
      }
    },
    columns: [columns.loss, { ...columns.accuracy, bar: { label: 'acc', digits: 3 } }],
    exports: [{ name: 'generator', half: 'generator', size: model, sources: ['generator.'] }],
    stages: [
      {
        share: 1,
        shardLoss: (params, batch, denominators, { training, key }) => {
          const { generator } = params as { readonly generator: MaskedLanguageModel }
          const { embeddings } = generator.electra
          const read = encode(model, model.heads, training ? key : undefined)(embeddings, generator.electra)
          const hidden = read({
            ids: batch.maskedInputIds,
            mask: batch.attentionMask,
            types: batch.tokenTypeIds
          }).final
          const logits = predictTokens(model.layerNormEps)(generator, embeddings)(hidden, batch.maskedPositions)
          const loss = maskedLmLoss(batch, denominators)(logits)
          return { loss, metrics: maskedLmMetrics(batch, logits, loss) }
        },
        report: (sums, batches) => {
          const report = maskedLmReport(sums, batches)
          return { loss: report.maskedLmLoss, ...report }
        }
      }
    ]
  }
}

export const maskedLm: ObjectiveKind = {
  about: "BERT's masked language model without next-sentence prediction; Clark et al. 2020, the baseline of section 3",
  generator: 'model sizes',
  make: maskedLmObjective
}
