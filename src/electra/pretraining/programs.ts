/**
 * The programs of pre-training, made from a configuration and an objective: initialisation, a shard's gradient, the update,
 * evaluation.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { valueAndGradWithAux } from '../../autodiff/index.js'
import {
  andThen,
  initialLossScale,
  initialise,
  isDecayed,
  scaleByPath,
  type AdamState,
  type LossScaling,
  type Optimizer,
  type Params
} from '../../nn/index.js'
import { mul, sub, type Tensor, type TensorError } from '../../tensor/index.js'
import type { Program } from '../../tensor/program/program.js'
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
  /** No input but the key; outputs the arrays that steps read, in their order. */
  readonly initial: Traced<unknown>
  readonly stages: ReadonlyArray<StagePrograms>
  /** Metric sums of a text with a fixed corruption, where the objective has them. */
  readonly judgement: Judgement | undefined
}

export type Judgement = {
  readonly source: Traced<unknown>
  readonly metrics: ReadonlyArray<string>
  readonly report: Judge['report']
}

/** Gradients of a shard's part of the loss, times the scale where one is given, and its metric sums, which are not scaled. */
export const shardGradOf =
  (stage: Pick<Stage, 'shardLoss'>, lossScale?: Tensor) =>
  (params: Params, batch: ShardBatch, denominators: Denominators, key: Key): readonly [Params, MetricSums] => {
    const { grads, aux } = valueAndGradWithAux((at: Params) => {
      const { loss, metrics } = stage.shardLoss(at, batch, denominators, { training: true, key })
      return [lossScale === undefined ? loss : pipe(loss, mul(lossScale)), metrics] as const
    })(params)
    return [grads, aux]
  }

/** Traces what reads the parameters, and the loss scale before them where the state has one. */
const traceReading =
  <Args extends ReadonlyArray<unknown>, Result>(
    f: (lossScale: Tensor | undefined) => (params: Params, ...args: Args) => Result
  ) =>
  ({ optimizer: { lossScale }, params }: TrainingState, ...args: Args): E.Either<TensorError, Traced<Result>> =>
    lossScale === undefined
      ? trace(f(undefined))(params, ...args)
      : trace((scale: Tensor, at: Params, ...rest: Args) => f(scale)(at, ...rest))(lossScale.scale, params, ...args)

const keySpec: Key = spec([2], 'u32')

const shardSpecOf = ({ batchSize, shards, sequenceLength, maskProbability }: ElectraConfig): ShardBatch =>
  shardBatchSpec(batchSize / shards, sequenceLength, slotsOf(maskProbability, sequenceLength))

const judgementOf = (
  { batchSize, shards, sequenceLength }: ElectraConfig,
  { judge }: Objective,
  state: TrainingState
): E.Either<TensorError, Judgement | undefined> =>
  judge === undefined
    ? E.right(undefined)
    : pipe(
        traceReading(() => judge.metrics)(state, corruptedBatchSpec(batchSize / shards, sequenceLength)),
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

/** The next state, and what is reported of the step. */
type Update = (state: TrainingState, grads: Params, step: Tensor) => unknown

/** The update of parameters that are joined, those that are treated alike to one array. */
const flatUpdate = (
  { optimizer: { mu: _, nu: __, ...others }, params }: TrainingState,
  stage: Stage,
  paths: ReadonlyArray<string>,
  update: Update
): FlatUpdate => {
  const groups = alike(params, stage)
  const names = tensorEntries(params).map(([path]) => path)
  const parts = ['optimizer.mu', 'optimizer.nu', 'params']
  return {
    groups: [...groups.values()],
    parts: parts.map((part) => names.map((name) => paths.indexOf(`${part}.${name}`))),
    apart: paths.flatMap((path, i) => (isOfScale(path) ? [i] : [])),
    update: (sizes) => {
      const flat: Params = Object.fromEntries([...groups.keys()].map((name, i) => [name, spec([sizes[i]])]))
      return trace(update)({ optimizer: { ...others, mu: flat, nu: flat }, params: flat }, flat, spec([], 'i32'))
    }
  }
}

const scalePath = 'optimizer.lossScale.'

const isOfScale = (path: string): boolean => path.startsWith(scalePath)

/** What shards read of a state. */
const isRead = (path: string): boolean => path.startsWith('params.') || path === `${scalePath}scale`

/** The gradient of a generator's own loss in a shard, where a stage has one: a part of what a step computes. */
export const generatorGrad =
  (config: ElectraConfig, { params }: Pick<TrainingState, 'params'>) =>
  ({ generatorLoss }: Pick<Stage, 'generatorLoss'>): E.Either<TensorError, Program | undefined> => {
    if (generatorLoss === undefined) return E.right(undefined)
    const shardLoss: Stage['shardLoss'] = (...given) => ({ loss: generatorLoss(...given), metrics: {} })
    return pipe(
      trace(shardGradOf({ shardLoss }))(params, shardSpecOf(config), denominatorsSpec, keySpec),
      E.map(({ program }) => program)
    )
  }

type Span = { readonly stage: Stage; readonly from: number; readonly steps: number }

const stagePrograms =
  (config: ElectraConfig, state: TrainingState, scaling: LossScaling | undefined) =>
  ({ stage, from, steps }: Span): E.Either<TensorError, StagePrograms> => {
    const { params } = state
    const batch = shardSpecOf(config)
    const schedule = scheduleOf(config.optimizer, steps)
    const update = updateWith(keeping(optimizerOf(config.optimizer, schedule), stage), scaling)
    const paths = tensorEntries(state).map(([path]) => path)
    const sinceStart = (step: Tensor): Tensor => (from === 0 ? step : pipe(step, sub(from)))
    const updateAt = (at: TrainingState, grads: Params, step: Tensor) => update(at, grads, sinceStart(step))
    return pipe(
      E.Do,
      E.apS('shardGrad', traceReading((scale) => shardGradOf(stage, scale))(state, batch, denominatorsSpec, keySpec)),
      E.bind('update', () => trace(updateAt)(state, params, spec([], 'i32'))),
      E.bind('evaluation', () =>
        traceReading(
          () => (at, b: ShardBatch, d: Denominators, key: Key) =>
            stage.shardLoss(at, b, d, { training: false, key }).metrics
        )(state, batch, denominatorsSpec, keySpec)
      ),
      E.map(({ shardGrad, update, evaluation }) => ({
        stage,
        from,
        step: {
          shards: config.shards,
          state: paths.length,
          reads: paths.flatMap((path, i) => (isRead(path) ? [i] : [])),
          gradients: tensorEntries(params).length,
          shardGrad,
          update,
          flat: flatUpdate(state, stage, paths, updateAt)
        },
        learningRateAt: (n) => schedule.onHost(n - from),
        evaluation,
        metrics: tensorEntries(shardGrad.result[1]).map(([path]) => path)
      }))
    )
  }

type Beginning = Pick<PretrainingPrograms, 'initial' | 'state'>

/** What a run begins with; where losses are scaled, their scale comes before the parameters. */
const beginningOf = ({ parameters }: Objective, scaling: LossScaling | undefined): E.Either<TensorError, Beginning> => {
  const drawn = (key: Key): Params => initialise(key)<unknown>(parameters)
  return scaling === undefined
    ? pipe(
        trace(drawn)(keySpec),
        E.map((initial) => ({
          initial,
          state: { optimizer: { mu: initial.result, nu: initial.result }, params: initial.result }
        }))
      )
    : pipe(
        trace((key: Key) => ({ lossScale: initialLossScale(scaling), params: drawn(key) }))(keySpec),
        E.map((initial) => {
          const { lossScale: scale, params } = initial.result
          return {
            initial,
            state: { optimizer: { lossScale: { finiteSteps: scale, scale }, mu: params, nu: params }, params }
          }
        })
      )
}

/**
 * Traces every program of a run of `totalSteps`, whose losses are scaled where it is said how. Fails with the `TensorError` of the first
 * operation that does not fit, which a validated configuration rules out.
 */
export const pretrainingPrograms = (
  config: ElectraConfig,
  objective: Objective,
  totalSteps: number,
  scaling?: LossScaling
): E.Either<TensorError, PretrainingPrograms> =>
  pipe(
    beginningOf(objective, scaling),
    E.bind('stages', ({ state }) => {
      const starts = stageStarts(objective.stages, totalSteps)
      return pipe(
        objective.stages.map((stage, i) => ({
          stage,
          from: starts[i],
          steps: Math.max(1, (starts[i + 1] ?? totalSteps) - starts[i])
        })),
        E.traverseArray(stagePrograms(config, state, scaling))
      )
    }),
    E.bind('judgement', ({ state }) => judgementOf(config, objective, state))
  )
