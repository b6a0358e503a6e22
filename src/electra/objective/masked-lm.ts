/**
 * The masked-LM loss and its metrics, and the baseline that has nothing else: BERT without next-sentence prediction.
 */

import { pipe } from 'fp-ts/lib/function.js'
import { categoricalHits, softmaxCrossEntropy, weightedMean, weightedSum } from '../../nn/index.js'
import { stopGradient, sum, type Tensor } from '../../tensor/index.js'
import type { ElectraConfig } from '../config/config.js'
import { bodySpec, embeddingsSpec, encode } from '../model/body.js'
import { generatorSpec, predictTokens, type MaskedLanguageModel } from '../model/generator.js'
import type { Denominators, ShardBatch } from './batch.js'
import type { MetricSums, Objective } from './objective.js'

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

export const maskedLmReport = (sums: MetricSums<ArrayLike<number>>, batches: number): Record<string, number> => ({
  maskedLmLoss: sums.maskedLmLoss[0] / batches,
  maskedLmAccuracy: sums.maskedLmHits[0] / sums.maskedTokens[0]
})

/** One network of the discriminator's size reads the masked input; its loss is the masked-LM loss alone. */
export const maskedLmObjective = (config: ElectraConfig, vocabSize: number): Objective => {
  const { model } = config
  return {
    name: 'mlm',
    parameters: {
      generator: {
        ...generatorSpec(model, model, vocabSize, model.initializerRange),
        electra: {
          embeddings: embeddingsSpec(model, model, vocabSize, model.initializerRange),
          ...bodySpec(model, model, model.initializerRange)
        }
      }
    },
    shardLoss: (params, batch, denominators, { training, key }) => {
      const { generator } = params as { readonly generator: MaskedLanguageModel }
      const { embeddings } = generator.electra
      const read = encode(model, model.heads, training ? key : undefined)(embeddings, generator.electra)
      const hidden = read({ ids: batch.maskedInputIds, mask: batch.attentionMask, types: batch.tokenTypeIds }).final
      const logits = predictTokens(model.layerNormEps)(generator, embeddings)(hidden, batch.maskedPositions)
      const loss = maskedLmLoss(batch, denominators)(logits)
      return { loss, metrics: maskedLmMetrics(batch, logits, loss) }
    },
    report: (sums, batches) => {
      const report = maskedLmReport(sums, batches)
      return { loss: report.maskedLmLoss, ...report }
    }
  }
}
