/**
 * BERT without next-sentence prediction: one network of the model's size reads the masked input. The baseline of Clark et al.
 * 2020, https://arxiv.org/abs/2003.10555
 */

import type { ParameterSpec } from '../../nn/index.js'
import type { ElectraConfig, ModelConfig } from '../config/config.js'
import { networkOf } from '../flops/network.js'
import { bodySpec, embeddingsSpec, encode } from '../model/body.js'
import { generatorSpec, predictTokens, type MaskedLanguageModel } from '../model/generator.js'
import { maskedLmColumns, maskedLmLoss, maskedLmMetrics, maskedLmReport } from './masked-lm-loss.js'
import type { Objective, ObjectiveKind } from './objective.js'
import type { Pieces } from './pieces.js'

/** A masked language model of the model's size, with embeddings of its own. */
export const maskedLmSpec = (model: ModelConfig, vocabSize: number): MaskedLanguageModel<ParameterSpec> => {
  const std = model.initializerRange
  return {
    ...generatorSpec(model, model, vocabSize, std),
    electra: { embeddings: embeddingsSpec(model, model, vocabSize, std), ...bodySpec(model, model, std) }
  }
}

/** One network of the model's size reads the masked input; its loss is the masked-LM loss alone. */
export const maskedLmObjective = (config: ElectraConfig, pieces: Pick<Pieces, 'size' | 'counts'>): Objective => {
  const { model } = config
  const columns = maskedLmColumns(config, pieces)
  return {
    parameters: { generator: maskedLmSpec(model, pieces.size) },
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
        },
        networks: [networkOf(config, pieces)('model', model, { kind: 'softmax', at: 'masked' })]
      }
    ]
  }
}

export const maskedLm: ObjectiveKind = {
  about: "BERT's masked language model without next-sentence prediction; Clark et al. 2020, the baseline of section 3",
  generator: 'model sizes',
  likelihood: () => ({ by: 'masked-lm', network: 'generator' }),
  make: maskedLmObjective
}
