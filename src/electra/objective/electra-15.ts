/**
 * ELECTRA 15 %: the discriminator learns from the selected positions only. Clark et al. 2020, section 3.4,
 * https://arxiv.org/abs/2003.10555
 *
 *     L = L_mlm(generator) + 50 sum_slots w BCE(logit, label) / (sum_slots w + 1e-6)
 *
 * Everything else is ELECTRA's. The mean is over slots, like the generator's: a position that was drawn more than once counts as
 * often as it was drawn. The weights are ELECTRA's, as the paper does not say others.
 */

import { pipe } from 'fp-ts/lib/function.js'
import { sigmoidCrossEntropy, weightedMean } from '../../nn/index.js'
import type { Tensor } from '../../tensor/index.js'
import type { Key } from '../../tensor/random.js'
import type { ElectraConfig } from '../config/config.js'

import type { Denominators, ShardBatch } from './batch.js'
import type { Sampler } from './corrupted-input.js'
import { discriminatorReport, verdictMetrics } from './discriminator-metrics.js'
import type { Generator } from './generators/generator.js'
import { generatorOf, generatorProblems } from './generators/table.js'
import type { Objective, ObjectiveKind } from './objective.js'
import type { Pieces } from './pieces.js'
import {
  jointForward,
  jointLoss,
  replacedTokenObjective,
  type JointForward,
  type JointParams
} from './replaced-token.js'
import { samplingStage } from './sampling-stage.js'
import { valuesAt } from '../model/positions.js'

export type SelectedForward = JointForward & {
  /** `[b, P]`, as are the labels. */
  readonly selectedLogits: Tensor
  readonly selectedLabels: Tensor
}

/** ELECTRA's forward pass with the discriminator's loss over the slots. Without a key nothing is dropped. */
export const selectedForward =
  (config: Parameters<typeof jointForward>[0], generator: Generator, sampler: Sampler) =>
  (params: JointParams, batch: ShardBatch, denominators: Denominators, dropoutKey?: Key): SelectedForward => {
    const forward = jointForward(config, generator, sampler)(params, batch, denominators, dropoutKey)
    const selectedLogits = valuesAt(batch.maskedPositions)(forward.discriminatorLogits)
    const selectedLabels = valuesAt(batch.maskedPositions)(forward.corrupted.labels)
    const discriminatorLoss = pipe(
      selectedLogits,
      sigmoidCrossEntropy(selectedLabels),
      weightedMean(batch.maskedWeights, denominators.maskedWeights)
    )
    const loss = jointLoss(config, forward, discriminatorLoss)
    return { ...forward, selectedLogits, selectedLabels, discriminatorLoss, loss }
  }

export const electra15Objective = (config: ElectraConfig, pieces: Pieces): Objective => {
  const generator = generatorOf(config, pieces)
  const whole = replacedTokenObjective(config, pieces)
  return {
    ...whole,
    columns: whole.columns.map((column) => ({
      ...column,
      meaning: column.meaning.replace('real tokens', 'masked positions')
    })),
    // The networks are ELECTRA's: the head runs at every position, too, as it judges those that a report shows.
    stages: whole.stages.map((stage) => ({
      ...stage,
      ...samplingStage(config, generator, {
        forward: (sampler) => selectedForward(config, generator, sampler),
        metrics: ({ maskedWeights }, { selectedLogits, selectedLabels, discriminatorLoss }) =>
          verdictMetrics(maskedWeights, { logits: selectedLogits, labels: selectedLabels, loss: discriminatorLoss }),
        report: discriminatorReport
      })
    }))
  }
}

export const electra15: ObjectiveKind = {
  about: 'ELECTRA 15 %: replaced token detection at the masked positions only; Clark et al. 2020, section 3.4',
  generator: 'own sizes',
  problems: generatorProblems,
  make: electra15Objective
}
