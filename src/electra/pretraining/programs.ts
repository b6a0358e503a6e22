/**
 * The programs of pre-training, made from a configuration and an objective: initialisation, a shard's gradient, the update,
 * evaluation.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { valueAndGradWithAux } from '../../autodiff/index.js'
import {
  andThen,
  initialise,
  isDecayed,
  scaleByPath,
  type AdamState,
  type Optimizer,
  type Params
} from '../../nn/index.js'
import { sub, type Tensor, type TensorError } from '../../tensor/index.js'
import { spec, trace, type Traced } from '../../tensor/program/trace.js'
import type { Key } from '../../tensor/random.js'
import { tensorEntries } from '../../tensor/tree.js'
import type { FlatUpdate, Step } from '../../workers/index.js'
import type { ElectraConfig } from '../config/config.js'
import { slotsOf } from '../data/examples/masking.js'
import {
  corruptedBatchSpec,
  denominatorsSpec,
  shardBatchSpec,
  type Denominators,
  type ShardBatch
} from '../objective/batch.js'
import type { Judge, MetricSums, Objective, Stage } from '../objective/objective.js'
import type { TrainingState } from '../training/problem.js'
import { optimizerOf, scheduleOf, updateWith } from '../training/update.js'

/** The programs of one stage, whose steps are counted from `from`. */
export type StagePrograms = {
  readonly stage: Stage
  readonly from: number
  readonly step: Step
  readonly learningRateAt: (n: number) => number
  /** Metric sums without dropout, for `Fold.evaluation`. */
  readonly evaluation: Traced<unknown>
  /** The names of the metric sums, in the order of the arrays. */
  readonly metrics: ReadonlyArray<string>
}

export type PretrainingPrograms = {
  /** Placeholders of the state's shapes, in its structure. */
  readonly state: TrainingState
  /** No input but the key; outputs the parameters in path order. */
  readonly initial: Traced<Params>
  readonly stages: ReadonlyArray<StagePrograms>
  /** Metric sums of a text with a fixed corruption, where the objective has them. */
  readonly judgement: Judgement | undefined
}

export type Judgement = {
  readonly source: Traced<unknown>
  readonly metrics: ReadonlyArray<string>
  readonly report: Judge['report']
}

/** Gradients of a shard's part of the loss, and its metric sums. */
export const shardGradOf =
  (stage: Pick<Stage, 'shardLoss'>) =>
  (params: Params, batch: ShardBatch, denominators: Denominators, key: Key): readonly [Params, MetricSums] => {
    const { grads, aux } = valueAndGradWithAux((at: Params) => {
      const { loss, metrics } = stage.shardLoss(at, batch, denominators, { training: true, key })
      return [loss, metrics] as const
    })(params)
    return [grads, aux]
  }

const keySpec: Key = spec([2], 'u32')

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

/** Where each stage begins: with the first step after those of the stages before it. */
export const stageStarts = (stages: ReadonlyArray<Pick<Stage, 'share'>>, totalSteps: number): ReadonlyArray<number> =>
  stages.map((_, i) => Math.round(totalSteps * stages.slice(0, i).reduce((sum, { share }) => sum + share, 0)))

/** What a stage does not train stays as it is. */
const keeping = (optimizer: Optimizer<AdamState>, { trains }: Stage): Optimizer<AdamState> =>
  trains === undefined ? optimizer : pipe(optimizer, andThen(scaleByPath((path) => (trains(path) ? 1 : 0))))

/** What the update does to a parameter, but for its own numbers, follows from this. */
const treatment = (path: string, { trains }: Stage): string => `${isDecayed(path)} ${trains?.(path) ?? true}`

/** Parameters that are treated alike, by one of their paths, which stands for all of them: in the order of these. */
const alike = (params: Params, stage: Stage): ReadonlyMap<string, ReadonlyArray<number>> => {
  const first = new Map<string, string>()
  const groups = new Map<string, Array<number>>()
  tensorEntries(params).forEach(([path], i) => {
    const key = treatment(path, stage)
    const name = first.get(key) ?? path
    first.set(key, name)
    groups.set(name, [...(groups.get(name) ?? []), i])
  })
  return new Map([...groups].sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** The update of parameters that are joined, those that are treated alike to one array. */
const flatUpdate = (
  params: Params,
  stage: Stage,
  paths: ReadonlyArray<string>,
  update: (state: TrainingState, grads: Params, step: Tensor) => unknown
): FlatUpdate => {
  const groups = alike(params, stage)
  const names = tensorEntries(params).map(([path]) => path)
  const parts = ['optimizer.mu', 'optimizer.nu', 'params']
  return {
    groups: [...groups.values()],
    parts: parts.map((part) => names.map((name) => paths.indexOf(`${part}.${name}`))),
    update: (sizes) => {
      const flat: Params = Object.fromEntries([...groups.keys()].map((name, i) => [name, spec([sizes[i]])]))
      return trace(update)({ optimizer: { mu: flat, nu: flat }, params: flat }, flat, spec([], 'i32'))
    }
  }
}

type Span = { readonly stage: Stage; readonly from: number; readonly steps: number }

const stagePrograms =
  (config: ElectraConfig, state: TrainingState) =>
  ({ stage, from, steps }: Span): E.Either<TensorError, StagePrograms> => {
    const { params } = state
    const slots = slotsOf(config.maskProbability, config.sequenceLength)
    const batch = shardBatchSpec(config.batchSize / config.shards, config.sequenceLength, slots)
    const schedule = scheduleOf(config.optimizer, steps)
    const update = updateWith(keeping(optimizerOf(config.optimizer, schedule), stage))
    const paths = tensorEntries(state).map(([path]) => path)
    const sinceStart = (step: Tensor): Tensor => (from === 0 ? step : pipe(step, sub(from)))
    const updateAt = (at: TrainingState, grads: Params, step: Tensor) => update(at, grads, sinceStart(step))
    return pipe(
      E.Do,
      E.apS('shardGrad', trace(shardGradOf(stage))(params, batch, denominatorsSpec, keySpec)),
      E.bind('update', () => trace(updateAt)(state, params, spec([], 'i32'))),
      E.bind('evaluation', () =>
        trace(
          (at: Params, b: ShardBatch, d: Denominators, key: Key) =>
            stage.shardLoss(at, b, d, { training: false, key }).metrics
        )(params, batch, denominatorsSpec, keySpec)
      ),
      E.map(({ shardGrad, update, evaluation }) => ({
        stage,
        from,
        step: {
          shards: config.shards,
          state: paths.length,
          reads: paths.flatMap((path, i) => (path.startsWith('params.') ? [i] : [])),
          gradients: tensorEntries(params).length,
          shardGrad,
          update,
          flat: flatUpdate(params, stage, paths, updateAt)
        },
        learningRateAt: (n) => schedule.onHost(n - from),
        evaluation,
        metrics: tensorEntries(shardGrad.result[1]).map(([path]) => path)
      }))
    )
  }

/**
 * Traces every program of a run of `totalSteps`. Fails with the `TensorError` of the first operation that does not fit,
 * which a validated configuration rules out.
 */
export const pretrainingPrograms = (
  config: ElectraConfig,
  objective: Objective,
  totalSteps: number
): E.Either<TensorError, PretrainingPrograms> =>
  pipe(
    trace((key: Key) => initialise(key)<unknown>(objective.parameters) as Params)(keySpec),
    E.bindTo('initial'),
    E.let('state', ({ initial: { result: params } }): TrainingState => ({
      optimizer: { mu: params, nu: params },
      params
    })),
    E.bind('stages', ({ state }) => {
      const starts = stageStarts(objective.stages, totalSteps)
      return pipe(
        objective.stages.map((stage, i) => ({
          stage,
          from: starts[i],
          steps: Math.max(1, (starts[i + 1] ?? totalSteps) - starts[i])
        })),
        E.traverseArray(stagePrograms(config, state))
      )
    }),
    E.bind('judgement', ({ state }) => judgementOf(config, objective, state.params))
  )
