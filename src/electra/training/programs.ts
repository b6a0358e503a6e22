/**
 * The programs of pre-training, made from a configuration: initialisation, a shard's gradient, the update, evaluation.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { valueAndGradWithAux } from '../../autodiff/index.js'
import {
  addDecayedWeights,
  andThen,
  applyUpdates,
  clipByGlobalNorm,
  descend,
  globalNorm,
  initialise,
  isDecayed,
  linearDecayWithWarmup,
  scaleByAdam,
  type AdamState,
  type Optimizer,
  type Params,
  type Schedule
} from '../../nn/index.js'
import { tensorEntries } from '../../tensor/tree.js'
import { spec, trace, type Traced } from '../../tensor/program/trace.js'
import type { Tensor, TensorError } from '../../tensor/index.js'
import type { Key } from '../../tensor/random.js'
import type { Step } from '../../workers/index.js'
import type { ElectraConfig } from '../config/config.js'
import { slotsOf } from '../data/examples/masking.js'
import {
  corruptedBatchSpec,
  denominatorsSpec,
  shardBatchSpec,
  type Denominators,
  type ShardBatch
} from '../objective/batch.js'
import type { Judge, MetricSums, Objective } from '../objective/objective.js'

/** Everything that a step changes. Leaves in path order are the arrays of a fold. */
export type TrainingState<P = Params> = { readonly optimizer: AdamState; readonly params: P }

export type PretrainingPrograms = {
  /** Placeholders of the state's shapes, in its structure. */
  readonly state: TrainingState
  readonly step: Step
  /** Metric sums without dropout, for `Fold.evaluation`. */
  readonly evaluation: Traced<unknown>
  /** No input but the key; outputs the parameters in path order. */
  readonly initial: Traced<Params>
  /** The names of the metric sums, in the order of the arrays. */
  readonly metrics: ReadonlyArray<string>
  readonly report: Objective['report']
  /** Metric sums of a text with a fixed corruption, where the objective has them. */
  readonly judgement: Judgement | undefined
}

export type Judgement = {
  readonly source: Traced<unknown>
  readonly metrics: ReadonlyArray<string>
  readonly report: Judge['report']
}

export const scheduleOf = ({ optimizer }: ElectraConfig, totalSteps: number): Schedule =>
  linearDecayWithWarmup({
    rate: optimizer.learningRate,
    total: totalSteps,
    warmup: Math.min(optimizer.warmupSteps, totalSteps),
    power: optimizer.decayPower
  })

export const optimizerOf = (
  { optimizer: o }: Pick<ElectraConfig, 'optimizer'>,
  schedule: Schedule
): Optimizer<AdamState> =>
  pipe(
    clipByGlobalNorm(o.clipNorm),
    andThen(scaleByAdam({ b1: o.b1, b2: o.b2, eps: o.eps, biasCorrection: false })),
    andThen(addDecayedWeights(o.weightDecay, isDecayed)),
    andThen(descend(schedule))
  )

export type UpdateReport<A = Tensor> = { readonly gradientNorm: A }

/** The next state, and the gradient's norm before clipping. */
export const updateWith =
  (optimizer: Optimizer<AdamState>) =>
  (state: TrainingState, grads: Params, step: Tensor): readonly [TrainingState, UpdateReport] => {
    const [updates, next] = optimizer.update(grads, state.optimizer, state.params, { step })
    return [{ optimizer: next, params: applyUpdates(state.params, updates) }, { gradientNorm: globalNorm(grads) }]
  }

/** Gradients of a shard's part of the loss, and its metric sums. */
export const shardGradOf =
  (objective: Pick<Objective, 'shardLoss'>) =>
  (params: Params, batch: ShardBatch, denominators: Denominators, key: Key): readonly [Params, MetricSums] => {
    const { grads, aux } = valueAndGradWithAux((at: Params) => {
      const { loss, metrics } = objective.shardLoss(at, batch, denominators, { training: true, key })
      return [loss, metrics] as const
    })(params)
    return [grads, aux]
  }

const keySpec: Key = spec([2], 'u32')

/** Sums of several batches' metrics by name, as the objective's report wants them. */
export const namedSums = (
  names: ReadonlyArray<string>,
  arrays: ReadonlyArray<ArrayLike<number>>
): MetricSums<ArrayLike<number>> => Object.fromEntries(names.map((name, i) => [name, arrays[i]]))

const judgementOf = (
  { batchSize, shards, sequenceLength }: ElectraConfig,
  { judge }: Objective,
  params: Params
): E.Either<TensorError, Judgement | undefined> =>
  judge === undefined
    ? E.right(undefined)
    : pipe(
        trace(judge.metrics)(params, corruptedBatchSpec(batchSize / shards, sequenceLength)),
        E.map((source) => ({
          source,
          metrics: tensorEntries(source.result).map(([path]) => path),
          report: judge.report
        }))
      )

/**
 * Traces every program of a run of `totalSteps`. Fails with the `TensorError` of the first operation that does not fit,
 * which a validated configuration rules out.
 */
export const pretrainingPrograms = (
  config: ElectraConfig,
  objective: Objective,
  totalSteps: number
): E.Either<TensorError, PretrainingPrograms> => {
  const slots = slotsOf(config.maskProbability, config.sequenceLength)
  const batch = shardBatchSpec(config.batchSize / config.shards, config.sequenceLength, slots)
  const optimizer = optimizerOf(config, scheduleOf(config, totalSteps))

  const initial = trace((key: Key) => initialise(key)<unknown>(objective.parameters) as Params)(keySpec)
  if (E.isLeft(initial)) return initial
  const params = initial.right.result
  const state: TrainingState = { optimizer: { mu: params, nu: params }, params }

  const shardGrad = trace(shardGradOf(objective))(params, batch, denominatorsSpec, keySpec)
  if (E.isLeft(shardGrad)) return shardGrad
  const update = trace(updateWith(optimizer))(state, params, spec([], 'i32'))
  if (E.isLeft(update)) return update
  const evaluation = trace(
    (at: Params, b: ShardBatch, d: Denominators, key: Key) =>
      objective.shardLoss(at, b, d, { training: false, key }).metrics
  )(params, batch, denominatorsSpec, keySpec)
  if (E.isLeft(evaluation)) return evaluation

  const judgement = judgementOf(config, objective, params)
  if (E.isLeft(judgement)) return judgement

  const paths = tensorEntries(state).map(([path]) => path)
  return E.right({
    state,
    step: {
      shards: config.shards,
      state: paths.length,
      reads: paths.flatMap((path, i) => (path.startsWith('params.') ? [i] : [])),
      gradients: tensorEntries(params).length,
      shardGrad: shardGrad.right,
      update: update.right
    },
    evaluation: evaluation.right,
    initial: initial.right,
    metrics: tensorEntries(shardGrad.right.result[1]).map(([path]) => path),
    report: objective.report,
    judgement: judgement.right
  })
}
