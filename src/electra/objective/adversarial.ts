/**
 * Adversarial training: the generator is rewarded for what the discriminator gets wrong. Clark et al. 2020, section 3.2 and
 * appendix F, https://arxiv.org/abs/2003.10555
 *
 * Tokens are discrete, so that its gradient is REINFORCE's (Williams 1992) with a learnt baseline, each masked position an episode of
 * one action:
 *
 *     R = BCE(discriminator's logit, label)                     the reward of a slot, a constant
 *     b = -log sigmoid(w . h_G)                                 the baseline, a constant in the policy's loss
 *     L_policy   = -sum_slots (R - b) log p_G(sampled) / (sum_slots w + 1e-6)
 *     L_baseline =  sum_slots BCE(w . h_G, exp(-R)) / (sum_slots w + 1e-6)
 *     L = w_g L_policy + w_b L_baseline + w_m L_mlm(generator) + w_d L_disc(discriminator)
 *
 * exp(-R) is the probability that the discriminator gave to the right class, so that sigmoid(w . h_G) learns to predict it and b to
 * predict R. Of what the paper leaves open: all four weights are settings, by default 1, 1, 0 (no masked-LM loss, as the generator is
 * there to fool) and ELECTRA's 50; the baseline reads the generator's hidden states as constants, so that it does not form them; p_G
 * is the distribution that is sampled from, temperature included; both means are over the batch's slots, as the masked-LM loss is.
 */

import { pipe } from 'fp-ts/lib/function.js'
import {
  glorotUniform,
  parameter,
  sigmoidCrossEntropy,
  softmaxCrossEntropy,
  weightedMean,
  weightedSum,
  type ParameterSpec
} from '../../nn/index.js'
import { add, div, exp, mul, neg, softplus, stopGradient, sub, sum, type Tensor } from '../../tensor/index.js'
import { invalidArgument } from '../../tensor/fault.js'
import type { Key } from '../../tensor/random.js'
import type { ElectraConfig } from '../config/config.js'
import type { ConfigProblem } from '../config/schema.js'
import type { Network } from '../flops/network.js'

import type { Column } from '../training/columns.js'
import type { Denominators, ShardBatch } from './batch.js'
import type { Sampler } from './corrupted-input.js'
import { discriminatorReport } from './discriminator-metrics.js'
import type { Generator } from './generators/generator.js'
import { generatorOf, generatorProblems } from './generators/table.js'
import type { Objective, ObjectiveKind } from './objective.js'
import type { Pieces } from './pieces.js'
import {
  jointForward,
  jointMetrics,
  replacedTokenObjective,
  type JointForward,
  type JointParams
} from './replaced-token.js'
import { samplingStage } from './sampling-stage.js'
import { gatherPositions, valuesAt } from '../model/positions.js'

/** w `[1, h]`. */
export type Baseline<A = Tensor> = { readonly weight: A }

export type AdversarialParams<A = Tensor> = JointParams<A> & { readonly baseline: Baseline<A> }

/** As wide as the generator, which may be the main network itself. */
export const baselineSpec = ({
  model,
  generator,
  sharing
}: Pick<ElectraConfig, 'model' | 'generator' | 'sharing'>): Baseline<ParameterSpec> => ({
  weight: parameter([1, (sharing === 'all' ? model : generator).hiddenSize], glorotUniform)
})

export type AdversarialForward = JointForward & {
  /** R of each slot `[b, P]`. */
  readonly rewards: Tensor
  /** b of each slot `[b, P]`. */
  readonly baselines: Tensor
  readonly policyLoss: Tensor
  readonly baselineLoss: Tensor
}

type AdversarialConfig = Parameters<typeof jointForward>[0] &
  Pick<ElectraConfig, 'temperature' | 'maskedLmWeight' | 'baselineWeight'>

/** Without a key nothing is dropped. */
export const adversarialForward =
  (config: AdversarialConfig, generator: Generator, sampler: Sampler) =>
  (params: AdversarialParams, batch: ShardBatch, denominators: Denominators, dropoutKey?: Key): AdversarialForward => {
    const forward = jointForward(config, generator, sampler)(params, batch, denominators, dropoutKey)
    const { logits, hidden, loss: maskedLmLoss } = forward.proposal
    if (hidden === undefined) throw invalidArgument('adversarialForward', 'no hidden states', 'those of the generator')
    const overSlots = weightedMean(batch.maskedWeights, denominators.maskedWeights)
    const rewards = pipe(
      forward.discriminatorLogits,
      sigmoidCrossEntropy(forward.corrupted.labels),
      valuesAt(batch.maskedPositions),
      stopGradient
    )
    const scores = pipe(
      hidden,
      gatherPositions(batch.maskedPositions),
      stopGradient,
      // One number a slot: less than a contraction is worth.
      mul(params.baseline.weight),
      sum({ axes: -1 })
    )
    const baselines = pipe(scores, neg, softplus)
    const policyLoss = pipe(
      logits,
      div(config.temperature),
      softmaxCrossEntropy(forward.sampled),
      mul(pipe(rewards, sub(stopGradient(baselines)))),
      overSlots
    )
    const baselineLoss = pipe(scores, sigmoidCrossEntropy(pipe(rewards, neg, exp)), overSlots)
    const loss = pipe(
      policyLoss,
      mul(config.generatorWeight),
      add(mul(config.baselineWeight ?? 1)(baselineLoss)),
      add(mul(config.maskedLmWeight ?? 0)(maskedLmLoss)),
      add(mul(config.discriminatorWeight)(forward.discriminatorLoss))
    )
    return { ...forward, rewards, baselines, policyLoss, baselineLoss, loss }
  }

const policyColumns: ReadonlyArray<Column> = [
  {
    name: 'reward',
    meaning: "The generator's mean reward at the masked positions: the discriminator's loss there, in nats.",
    better: 'neither',
    digits: 3,
    label: "generator's reward",
    bar: { label: 'reward', digits: 3 }
  },
  {
    name: 'baseline',
    meaning: 'Mean of the rewards that the baseline expects, in nats.',
    better: 'neither',
    digits: 3
  },
  {
    name: 'policyLoss',
    meaning:
      'Mean of minus the log-probability of a sample times what its reward is above the baseline, in nats squared.',
    better: 'neither',
    digits: 3
  },
  {
    name: 'baselineLoss',
    meaning: 'Mean cross-entropy of the baseline, in nats.',
    better: 'down',
    digits: 3
  }
]

/** The baseline is one number of the generator's state at every masked position. */
const withBaseline = (network: Network): Network =>
  network.role === 'generator'
    ? { ...network, outputs: [...network.outputs, { kind: 'logit', at: 'masked' }] }
    : network

export const adversarialObjective = (config: ElectraConfig, pieces: Pieces): Objective => {
  const generator = generatorOf(config, pieces)
  const whole = replacedTokenObjective(config, pieces)
  return {
    ...whole,
    parameters: { ...(whole.parameters as JointParams<ParameterSpec>), baseline: baselineSpec(config) },
    columns: [...policyColumns, ...whole.columns],
    stages: whole.stages.map((stage) => ({
      ...stage,
      ...samplingStage(config, generator, {
        forward: (sampler) => adversarialForward(config, generator, sampler),
        metrics: (batch, forward) => ({
          policyLoss: stopGradient(forward.policyLoss),
          baselineLoss: stopGradient(forward.baselineLoss),
          rewards: weightedSum(batch.maskedWeights)(forward.rewards),
          baselines: weightedSum(batch.maskedWeights)(stopGradient(forward.baselines)),
          ...jointMetrics(batch, forward)
        }),
        report: (sums, batches) => ({
          policyLoss: sums.policyLoss[0] / batches,
          baselineLoss: sums.baselineLoss[0] / batches,
          reward: sums.rewards[0] / sums.maskedTokens[0],
          baseline: sums.baselines[0] / sums.maskedTokens[0],
          ...discriminatorReport(sums, batches)
        })
      }),
      networks: stage.networks.map(withBaseline)
    }))
  }
}

const problems = (config: ElectraConfig): ReadonlyArray<ConfigProblem> => {
  const { kind = 'masked-lm' } = config.generator
  return kind === 'masked-lm'
    ? generatorProblems(config)
    : [{ path: 'generator.kind', found: kind, expected: "'masked-lm', which can learn from rewards" }]
}

export const adversarial: ObjectiveKind = {
  about: 'ELECTRA with a generator that REINFORCE trains to fool the discriminator; Clark et al. 2020, appendix F',
  generator: 'own sizes',
  problems,
  make: adversarialObjective
}
