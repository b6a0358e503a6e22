/**
 * Replace MLM: the main network predicts the originals at the masked positions, where it is shown the generator's samples in place
 * of [MASK]. Clark et al. 2020, section 3.4, https://arxiv.org/abs/2003.10555
 *
 *     L = w_g L_mlm(generator) + sum_slots w (-log p_main(original | corrupted input)) / (sum_slots w + 1e-6)
 *
 * w_g is `generatorWeight`. The paper does not say how the two losses are weighed; both are the same kind of loss, so 1 is natural.
 */

import { pipe } from 'fp-ts/lib/function.js'
import { categoricalHits, weightedSum } from '../../nn/index.js'
import { add, mul, stopGradient, type Tensor } from '../../tensor/index.js'
import type { Key } from '../../tensor/random.js'
import type { ElectraConfig } from '../config/config.js'
import { networkOf } from '../flops/network.js'
import { predictTokens } from '../model/generator.js'
import type { Column } from '../training/columns.js'
import type { Denominators, ShardBatch } from './batch.js'
import type { Sampler } from './corrupted-input.js'
import type { Generator } from './generators/generator.js'
import { generatorOf, generatorProblems } from './generators/table.js'
import { mainExports, mainForward, mainSpec, type MainForward, type MainParams } from './main-network.js'
import { maskedLmLoss } from './masked-lm-loss.js'
import type { Objective, ObjectiveKind } from './objective.js'
import type { Pieces } from './pieces.js'
import { samplingColumns, samplingStage } from './sampling-stage.js'

export type ReplaceMlmForward = MainForward & {
  /** `[b, P, V]`. */
  readonly mainLogits: Tensor
  readonly mainLoss: Tensor
  readonly loss: Tensor
}

/** Without a key nothing is dropped. */
export const replaceMlmForward =
  (config: Pick<ElectraConfig, 'model' | 'generatorWeight'>, generator: Generator, sampler: Sampler) =>
  (params: MainParams, batch: ShardBatch, denominators: Denominators, dropoutKey?: Key): ReplaceMlmForward => {
    const { main } = params
    const forward = mainForward(config, generator, sampler)(params, batch, denominators, dropoutKey)
    const mainLogits = predictTokens(config.model.layerNormEps)(main, main.electra.embeddings)(
      forward.hidden,
      batch.maskedPositions
    )
    const mainLoss = maskedLmLoss(batch, denominators)(mainLogits)
    const loss = pipe(forward.proposal.loss, mul(config.generatorWeight), add(mainLoss))
    return { ...forward, mainLogits, mainLoss, loss }
  }

const mainColumns: ReadonlyArray<Column> = [
  {
    name: 'replaceMlmLoss',
    meaning: "The main network's mean cross-entropy of the originals at the masked positions, in nats.",
    better: 'down',
    digits: 3,
    label: 'replace-MLM loss',
    bar: { label: 'main', digits: 2 }
  },
  {
    name: 'replaceMlmAccuracy',
    meaning: 'Share of the masked positions whose most probable token, to the main network, is the original.',
    better: 'up',
    digits: 3,
    label: 'replace-MLM accuracy',
    bar: { label: 'acc', digits: 3 },
    // What is shown is right as often as the generator's samples are.
    baselines: ({ sampledAccuracy }) => ({ noContext: sampledAccuracy })
  }
]

export const replaceMlmObjective = (config: ElectraConfig, pieces: Pieces): Objective => {
  const generator = generatorOf(config, pieces)
  return {
    parameters: mainSpec(config, generator, pieces.size),
    columns: samplingColumns(generator, mainColumns),
    exports: mainExports(config, generator),
    stages: [
      {
        share: 1,
        ...samplingStage(config, generator, {
          forward: (sampler) => replaceMlmForward(config, generator, sampler),
          metrics: ({ maskedIds, maskedWeights }, { mainLogits, mainLoss }) => ({
            replaceMlmLoss: stopGradient(mainLoss),
            replaceMlmHits: pipe(stopGradient(mainLogits), categoricalHits(maskedIds), weightedSum(maskedWeights))
          }),
          report: (sums, batches) => ({
            replaceMlmLoss: sums.replaceMlmLoss[0] / batches,
            replaceMlmAccuracy: sums.replaceMlmHits[0] / sums.maskedTokens[0]
          })
        }),
        networks: [
          networkOf(config, pieces)('model', config.model, { kind: 'softmax', at: 'masked' }),
          ...generator.networks(config.sequenceLength)
        ]
      }
    ]
  }
}

export const replaceMlm: ObjectiveKind = {
  about: "Replace MLM: a masked language model that reads a generator's samples; Clark et al. 2020, section 3.4",
  generator: 'own sizes',
  problems: generatorProblems,
  make: replaceMlmObjective
}
