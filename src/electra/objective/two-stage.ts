/**
 * Two-stage training: first the generator alone, then the discriminator alone. Clark et al. 2020, section 3.2,
 * https://arxiv.org/abs/2003.10555
 *
 *     first:   L = w_g L_mlm(generator)
 *     second:  L = w_d L_disc(discriminator), which begins as a copy of the generator; the generator stays as it is
 *
 * Both stages take half of a run's steps. Both networks have the model's size, which the copy needs, and embeddings of their own,
 * as those of a generator that stays as it is must not move. What the paper leaves open: the second stage begins with the optimiser's
 * moments at 0 and a learning-rate schedule of its own.
 */

import { pipe } from 'fp-ts/lib/function.js'
import type { ParameterSpec } from '../../nn/index.js'
import { mul, type Tensor } from '../../tensor/index.js'
import type { Key } from '../../tensor/random.js'
import { storedOf } from '../../tensor/stored.js'
import type { ElectraConfig } from '../config/config.js'
import { networkOf } from '../flops/network.js'
import { discriminatorSpec, type Discriminator } from '../model/discriminator.js'
import type { MaskedLanguageModel } from '../model/generator.js'
import { isMoment, type NamedState } from '../training/problem.js'
import type { Denominators, ShardBatch } from './batch.js'
import type { Sampler } from './corrupted-input.js'
import { discriminatorReport } from './discriminator-metrics.js'
import type { Generator } from './generators/generator.js'
import { maskedLmGenerator } from './generators/masked-lm.js'
import { maskedLmObjective, maskedLmSpec } from './masked-lm.js'
import type { Objective, ObjectiveKind, Stage } from './objective.js'
import type { Pieces } from './pieces.js'
import { jointForward, jointMetrics, replacedTokenObjective, type JointForward } from './replaced-token.js'
import { samplingStage } from './sampling-stage.js'

export type TwoStageParams<A = Tensor> = {
  readonly discriminator: Discriminator<A>
  /** Of the discriminator's size, with embeddings of its own. */
  readonly generator: MaskedLanguageModel<A>
}

export const twoStageSpec = (
  { model }: Pick<ElectraConfig, 'model'>,
  vocabSize: number
): TwoStageParams<ParameterSpec> => ({
  discriminator: discriminatorSpec(model, model, vocabSize, model.initializerRange),
  generator: maskedLmSpec(model, vocabSize)
})

const [generatorPrefix, discriminatorPrefix] = ['generator.', 'discriminator.']

/** The generator's embeddings and encoder as the discriminator's, whose head stays as it was drawn; moments at 0. */
export const copyGenerator = ({ params, optimizer }: NamedState): NamedState => {
  const named = new Map(params.map((p) => [p.name, p]))
  const sourceOf = (name: string): string =>
    name.startsWith(discriminatorPrefix) ? generatorPrefix + name.slice(discriminatorPrefix.length) : name
  return {
    params: params.map((p) => ({ ...(named.get(sourceOf(p.name)) ?? p), name: p.name })),
    optimizer: optimizer.map((stored) => {
      const { name, shape, data } = stored
      return isMoment(name) ? { ...storedOf('f32', shape, new Float32Array(data.length)), name } : stored
    })
  }
}

const first = (config: ElectraConfig, pieces: Pieces): Stage => ({
  ...maskedLmObjective(config, pieces).stages[0],
  share: 0.5,
  trains: (path) => path.startsWith(generatorPrefix),
  networks: [networkOf(config, pieces)('generator', config.model, { kind: 'softmax', at: 'masked' })]
})

/** A masked language model of the model's size, which reads embeddings of its own. */
export const fullGenerator = (config: ElectraConfig, pieces: Pieces): Generator =>
  maskedLmGenerator.make({ ...config, generator: config.model, sharing: 'embeddings' }, pieces)

/** ELECTRA's forward pass with the discriminator's loss alone. Without a key nothing is dropped. */
export const secondForward =
  (config: Parameters<typeof jointForward>[0], generator: Generator, sampler: Sampler) =>
  (params: TwoStageParams, batch: ShardBatch, denominators: Denominators, dropoutKey?: Key): JointForward => {
    const forward = jointForward(config, generator, sampler)(params, batch, denominators, dropoutKey)
    return { ...forward, loss: pipe(forward.discriminatorLoss, mul(config.discriminatorWeight)) }
  }

const second = (config: ElectraConfig, pieces: Pieces, generator: Generator): Stage => ({
  share: 0.5,
  trains: (path) => path.startsWith(discriminatorPrefix),
  enter: copyGenerator,
  ...samplingStage(config, generator, {
    forward: (sampler) => secondForward(config, generator, sampler),
    metrics: jointMetrics,
    report: discriminatorReport
  }),
  networks: [
    networkOf(config, pieces)('discriminator', config.model, { kind: 'binary', at: 'all' }),
    { ...networkOf(config, pieces)('generator', config.model, { kind: 'softmax', at: 'masked' }), passes: 1 }
  ]
})

export const twoStageObjective = (config: ElectraConfig, pieces: Pieces): Objective => {
  const { model } = config
  const generator = fullGenerator(config, pieces)
  return {
    ...replacedTokenObjective({ ...config, generator: model, sharing: 'embeddings' }, pieces),
    parameters: twoStageSpec(config, pieces.size),
    exports: [
      { name: 'discriminator', half: 'discriminator', size: model, sources: [discriminatorPrefix] },
      { name: 'generator', half: 'generator', size: model, sources: [generatorPrefix] }
    ],
    stages: [first(config, pieces), second(config, pieces, generator)]
  }
}

export const twoStage: ObjectiveKind = {
  about: 'the generator alone, then the discriminator alone, from its weights; Clark et al. 2020, section 3.2',
  generator: 'model sizes',
  problems: ({ sharing }) =>
    sharing === undefined || sharing === 'none'
      ? []
      : [
          {
            path: 'sharing',
            found: `'${sharing}'`,
            expected: "'none', or nothing: a generator that is done must not move"
          }
        ],
  make: twoStageObjective
}
