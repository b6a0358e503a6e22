/**
 * Electric: an energy-based cloze model, trained by noise-contrastive estimation. Clark et al. 2020, Pre-Training Transformers as
 * Energy-Based Cloze Models (EMNLP), section 2.
 *
 *     logit_t = E_t + log q(x_t | the others) + log(p / (1 - p)),    p the share of tokens that are drawn
 *     L = L_cloze(two towers) + 50 mean of BCE(logit_t, whether t was drawn)
 *
 * The energy E_t is what the discriminator's head says, and `exp(-E_t)` an unnormalised probability of token t given the others. q
 * is the law that samples follow, a constant for differentiation: the two towers', after the temperature where it is not 1. A
 * sample that equals its original was drawn all the same. As in the published code, the loss is over all real tokens, [CLS]
 * and [SEP] included, where q was never trained, the offset has 1 - p where the paper has 1, and the head is ELECTRA's of two layers.
 *
 * What is learnt shows in the energies, not in the classifier, which tells q from the text: the better the towers, the less there is
 * to tell, and where q is the text's own law its AUC is 1/2, but for [CLS] and [SEP], whatever the energies are. Before the energies
 * have caught up with q it is even less, as the text is more probable to q than many a sample.
 */

import { pipe } from 'fp-ts/lib/function.js'
import { sigmoidCrossEntropy, softmaxCrossEntropy, weightedMean } from '../../nn/index.js'
import { add, cast, div, log, scalar, stopGradient, sub, type Tensor } from '../../tensor/index.js'
import { invalidArgument } from '../../tensor/fault.js'
import type { Key } from '../../tensor/random.js'
import type { ElectraConfig } from '../config/config.js'
import type { ConfigProblem } from '../config/schema.js'
import type { Column } from '../training/columns.js'
import { aucOfHistogram, logitHistogram } from './auc.js'
import type { Denominators, ShardBatch } from './batch.js'
import { samplerOf, type Sampler } from './corrupted-input.js'
import { discriminatorMetrics, discriminatorReport } from './discriminator-metrics.js'
import type { Generator } from './generators/generator.js'
import { generatorOf, generatorProblems } from './generators/table.js'
import type { Objective, ObjectiveKind } from './objective.js'
import type { Pieces } from './pieces.js'
import {
  jointForward,
  jointLoss,
  replacedTokenObjective,
  type AnyJointParams,
  type JointForward
} from './replaced-token.js'
import { samplingStage } from './sampling-stage.js'

export type ElectricForward = JointForward & {
  /** Of every token `[b, L]`, f32. */
  readonly energies: Tensor
}

type Settings = Parameters<typeof jointForward>[0] & Pick<ElectraConfig, 'maskProbability' | 'temperature'>

/**
 * The logits that tokens were drawn, `E + log q + log(p / (1 - p))`, for minus log q. Where E is minus the log of the tokens' own
 * probability they are Bayes' law, and the mean gradient of the loss is 0.
 *
 * Shapes: energies and surprise `[...s]`; result `[...s]`, f32.
 */
export const drawnLogits =
  (p: number, surprise: Tensor) =>
  (energies: Tensor): Tensor =>
    pipe(energies, sub(surprise), add(log(scalar(p / (1 - p)))))

/**
 * ELECTRA's forward pass with the classifier's logits and loss for the discriminator's. Without a key nothing is dropped. Throws
 * `InvalidArgument` where the generator does not predict every token.
 */
export const electricForward =
  (config: Settings, generator: Generator, sampler: Sampler) =>
  (params: AnyJointParams, batch: ShardBatch, denominators: Denominators, dropoutKey?: Key): ElectricForward => {
    const forward = jointForward(config, generator, sampler)(params, batch, denominators, dropoutKey)
    const { everywhere } = forward.proposal
    if (everywhere === undefined)
      throw invalidArgument('electricForward', 'a generator of some tokens', 'one that predicts every token')
    const surprise = pipe(everywhere, div(config.temperature), softmaxCrossEntropy(forward.corrupted.ids), stopGradient)
    const energies = forward.discriminatorLogits
    const discriminatorLogits = drawnLogits(config.maskProbability, surprise)(energies)
    const discriminatorLoss = pipe(
      discriminatorLogits,
      sigmoidCrossEntropy(forward.corrupted.selected),
      weightedMean(cast('f32')(batch.attentionMask), denominators.attentionMask)
    )
    const loss = jointLoss(config, forward, discriminatorLoss)
    return { ...forward, energies, discriminatorLogits, discriminatorLoss, loss }
  }

/** Of tokens that were drawn, whether they came out as others or not. */
const columnOf = ({ label, bar, ...column }: Column): ReadonlyArray<Column> => {
  switch (column.name) {
    case 'replacedRate':
      return [{ ...column, meaning: 'Share of the real tokens that the generator drew, as others or as they were.' }]
    case 'discriminatorAuc':
      return [
        {
          ...column,
          label: 'AUC of the classifier',
          meaning:
            "Probability that a drawn token's logit, log q included, exceeds another one's: nearer chance, the nearer q is to the text's law."
        },
        {
          ...column,
          name: 'energyAuc',
          meaning:
            "Probability that a token's energy exceeds another one's, if the one was replaced and the other not.",
          label: 'AUC of the energies',
          ...(bar === undefined ? {} : { bar })
        }
      ]
    default:
      return [{ ...column, label, bar, meaning: column.meaning.replace('replaced', 'drawn') }]
  }
}

export const electricObjective = (config: ElectraConfig, pieces: Pieces): Objective => {
  const generator = generatorOf(config, pieces)
  const whole = replacedTokenObjective(config, pieces)
  const ofGenerator = new Set(generator.columns.map(({ name }) => name))
  return {
    ...whole,
    columns: whole.columns.flatMap((column) =>
      ofGenerator.has(column.name) || column.name === 'fixedCorruptionAuc' ? [column] : columnOf(column)
    ),
    judged: (params, batch, denominators, key) => {
      const forward = electricForward(config, generator, samplerOf(config, key))(
        params as AnyJointParams,
        batch,
        denominators
      )
      return { ids: forward.corrupted.ids, logits: forward.discriminatorLogits }
    },
    stages: whole.stages.map((stage) => ({
      ...stage,
      ...samplingStage(config, generator, {
        forward: (sampler) => electricForward(config, generator, sampler),
        metrics: (batch, { energies, discriminatorLogits: logits, corrupted, discriminatorLoss: loss }) => ({
          ...discriminatorMetrics(batch, { logits, labels: corrupted.selected, loss }),
          // Halved, as energies reach further than logits: the AUC is the same.
          energyHistogram: pipe(
            stopGradient(energies),
            div(2),
            logitHistogram(corrupted.labels, cast('f32')(batch.attentionMask))
          )
        }),
        report: (sums, batches) => ({
          ...discriminatorReport(sums, batches),
          energyAuc: aucOfHistogram(sums.energyHistogram)
        })
      })
    }))
  }
}

const problemsOf = (config: ElectraConfig): ReadonlyArray<ConfigProblem> => {
  const { generator, disallowCorrect, maskProbability } = config
  const unless = (holds: boolean, path: string, found: unknown, expected: string): ReadonlyArray<ConfigProblem> =>
    holds ? [] : [{ path, found: String(found), expected }]
  return [
    ...unless(
      generator.kind === 'two-tower',
      'generator.kind',
      generator.kind ?? 'masked-lm',
      "'two-tower': the objective 'electric' needs the probability of every token"
    ),
    ...unless(
      disallowCorrect !== true,
      'disallowCorrect',
      disallowCorrect,
      "false: the objective 'electric' needs samples of the generator's own law"
    ),
    ...unless(maskProbability > 0, 'maskProbability', maskProbability, "above 0 with the objective 'electric'"),
    ...generatorProblems(config)
  ]
}

export const electric: ObjectiveKind = {
  about: 'Electric: energies of tokens, by noise-contrastive estimation; Clark et al. 2020 (EMNLP), section 2',
  generator: 'own sizes',
  problems: problemsOf,
  likelihood: () => ({ by: 'energies', network: 'discriminator' }),
  example: { generator: { kind: 'two-tower' } },
  make: electricObjective
}
