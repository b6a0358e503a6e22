/**
 * Fine-tuning as a problem for the training engine: a task's network on an encoder, by a recipe.
 *
 * The loss of a step is the sum over its batch, as in the published code: with Adam only the clipping of the gradient's norm, and
 * the little that is added to its root, know it from the mean.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { valueAndGradWithAux } from '../../autodiff/index.js'
import {
  electraFineTuning,
  hashName,
  initialise,
  layerwiseDecay,
  linearDecayWithWarmup,
  type Params,
  type Schedule
} from '../../nn/index.js'
import { invalidArgument } from '../../tensor/fault.js'
import {
  broadcastTo,
  cast,
  eq,
  expandDims,
  iota,
  ones,
  reshape,
  sum,
  where,
  type Tensor,
  type TensorError
} from '../../tensor/index.js'
import { hostFold, hostKey } from '../../tensor/keys.js'
import { attempt, spec, trace, type Traced } from '../../tensor/program/trace.js'
import type { Key } from '../../tensor/random.js'
import type { Words } from '../../tensor/threefry.js'
import { mapTensors, tensorEntries } from '../../tensor/tree.js'
import type { Arrays, Step } from '../../workers/index.js'
import type { Column, Report } from '../training/columns.js'
import type { Evaluation, InputsError, NamedArrays, Problem, StepInputs, TrainingState } from '../training/problem.js'
import { updateWith } from '../training/update.js'
import { stepsOf, type Recipe } from './recipe.js'
import { gatherRows, limitedRows, realRows, rowOrder, rowsInOrder } from './row-batches.js'
import type { AnyNetwork, Judgement, PreparedTask, Rows, Split } from './task.js'

/** What decides the bits of a run, beside the device's arithmetic. */
export type FineTuningSettings = {
  readonly task: PreparedTask
  readonly recipe: Recipe
  readonly layers: number
  readonly seed: number
  /** How many of the examples are trained on, where it is not all. */
  readonly limit?: number
}

type NamedTensors = { readonly [name: string]: Tensor }

/** Of the engine's own numbers; a task has columns beside it. */
export const lossColumn: Column = {
  name: 'loss',
  meaning: "Mean over the examples of the task's loss; in training with dropout.",
  better: 'down',
  digits: 4,
  label: 'loss',
  bar: { label: 'loss', digits: 4 }
}

const keyOf = (seed: number, name: string): Words => hostFold(hashName(name))(hostKey(seed))

/** The same examples for every seed, so that trials on a part of the data can be compared. */
const limitKey = keyOf(0, 'limited examples')

/** The rows that training reads. Without them there is nothing to train on. */
export const trainingRows = ({ task: { splits }, limit }: Pick<FineTuningSettings, 'task' | 'limit'>): Rows =>
  limitedRows('train' in splits ? splits.train.rows : { count: 0, arrays: {} }, limit, limitKey)

export const totalStepsOf = (settings: Pick<FineTuningSettings, 'task' | 'limit' | 'recipe'>): number =>
  stepsOf(trainingRows(settings).count, settings.recipe)

export const fineTuningSchedule = ({ learningRate, warmup }: Recipe, total: number): Schedule =>
  linearDecayWithWarmup({ rate: learningRate, total, warmup: Math.floor(total * warmup), power: 1 })

// --------------------------------------------------------------------- programs

const keySpec: Key = spec([2], 'u32')

/** The batch's loss, and what is reported of it: loss and rows of the shard. */
const lossOf =
  ({ shardLoss }: AnyNetwork) =>
  (params: Params, batch: NamedTensors, real: Tensor, key: Key | undefined) => {
    const { loss } = shardLoss(params, batch, ones([]), key)
    return { loss, metrics: { loss, rows: sum()(real) } }
  }

/**
 * A shard's rows at their place among those of the whole batch, with zeros elsewhere: the sum over the shards is the whole batch,
 * exactly (but that -0 becomes 0). In f32, which integers up to 2^24 survive.
 *
 * Shapes: x `[b, ...s]`, shard `[]` (i32, from 0); result `[shards b, ...s]`.
 */
export const placed =
  (shards: number, shard: Tensor) =>
  (x: Tensor): Tensor => {
    const { shape } = x
    const whole = [shards, ...shape]
    const isHere = pipe(iota([shards, ...shape.map(() => 1)], 0), eq(shard), broadcastTo(whole))
    return pipe(
      x,
      cast('f32'),
      expandDims(0),
      broadcastTo(whole),
      where(isHere, 0),
      reshape([shards * shape[0], ...shape.slice(1)])
    )
  }

type EvaluationInputs = { readonly batch: NamedTensors; readonly real: Tensor; readonly shard: Tensor }

const isLabelled = (network: NamedTensors, { arrays }: Rows): boolean =>
  Object.keys(network).every((name) => name in arrays)

/** What of a batch a split has: all, or without what only a loss reads. */
const specsIn = (specs: NamedTensors, { arrays }: Rows): NamedTensors =>
  Object.fromEntries(Object.entries(specs).filter(([name]) => name in arrays))

const evaluationProgram = (
  network: AnyNetwork,
  params: Params,
  { batchSize, shards, sequenceLength }: Recipe,
  rows: Rows
): E.Either<TensorError, Traced<unknown>> => {
  const specs = network.batchSpec(batchSize / shards, sequenceLength)
  const hasLoss = isLabelled(specs, rows)
  return trace((at: Params, { batch, real, shard }: EvaluationInputs) => {
    const predictions = mapTensors(placed(shards, shard), network.predict(at, batch))
    return hasLoss
      ? { predictions, metrics: lossOf(network)(at, batch, real, undefined).metrics }
      : { predictions, metrics: { rows: sum()(real) } }
  })(params, { batch: specsIn(specs, rows), real: spec([batchSize / shards]), shard: spec([], 'i32') })
}

// ----------------------------------------------------------------------- inputs

/** The shards of a batch: rows by the names of the arrays in order, then which of them are real. */
const shardsOf = ({ arrays, count }: Rows, names: ReadonlyArray<string>, shards: number) => {
  const sorted = [...names].sort()
  return (indices: ReadonlyArray<number>): ReadonlyArray<Arrays> => {
    const part = indices.length / shards
    return Array.from({ length: shards }, (_, s) => {
      const own = indices.slice(s * part, (s + 1) * part)
      return [...sorted.map((name) => gatherRows(arrays[name], count, own)), realRows(own)]
    })
  }
}

const evaluationBatches = (
  rows: Rows,
  names: ReadonlyArray<string>,
  { batchSize, shards }: Recipe
): ReadonlyArray<ReadonlyArray<Arrays>> => {
  const shardsAt = shardsOf(rows, names, shards)
  return Array.from({ length: Math.ceil(rows.count / batchSize) }, (_, n) =>
    shardsAt(rowsInOrder(rows.count, batchSize, n)).map((arrays, s) => [...arrays, Int32Array.of(s)])
  )
}

// ------------------------------------------------------------------- evaluation

const predictionPrefix = 'predictions.'

/** The predictions of all batches, row after row, without those of rows that only fill the last batch up. */
export const predictionsOf = (results: ReadonlyArray<NamedArrays>, rows: number, batchSize: number): NamedArrays =>
  Object.fromEntries(
    Object.keys(results[0] ?? {})
      .filter((name) => name.startsWith(predictionPrefix))
      .map((name) => {
        const width = results[0][name].length / batchSize
        const all = new Float32Array(results.length * batchSize * width)
        results.forEach((arrays, n) => all.set(arrays[name], n * batchSize * width))
        return [name.slice(predictionPrefix.length), all.subarray(0, rows * width)]
      })
  )

const meanLoss = (results: ReadonlyArray<NamedArrays>): number => {
  const total = (name: string): number => results.reduce((all, arrays) => all + arrays[name][0], 0)
  return total('metrics.loss') / total('metrics.rows')
}

/** A judgement of a split whose report begins with its mean loss, where it has labels. */
export const judged = ({ judge, rows }: Split, batchSize: number, results: ReadonlyArray<NamedArrays>): Judgement => {
  const judgement = judge(predictionsOf(results, rows.count, batchSize))
  const report: Report =
    'metrics.loss' in results[0] ? { loss: meanLoss(results), ...judgement.report } : judgement.report
  return { ...judgement, report }
}

const evaluationOf =
  ({ task: { network, splits }, recipe }: FineTuningSettings, params: Params) =>
  (name: string): E.Either<TensorError, Evaluation> => {
    const split = splits[name]
    const names = Object.keys(specsIn(network.batchSpec(1, recipe.sequenceLength), split.rows))
    return pipe(
      evaluationProgram(network, params, recipe, split.rows),
      E.map((source) => ({
        name,
        source,
        outputs: tensorEntries(source.result).map(([path]) => path),
        batches: evaluationBatches(split.rows, names, recipe),
        report: (results) => judged(split, recipe.batchSize, results).report
      }))
    )
  }

/** Whether a split of that name can be evaluated in training: it is there, and has labels. */
const isHeldOut = ({ network, splits }: PreparedTask, name: string): boolean =>
  name in splits && isLabelled(network.batchSpec(1, 1), splits[name].rows)

/** `dev`, where it has labels. */
export const heldOutSplits = (task: PreparedTask): ReadonlyArray<string> =>
  ['dev'].filter((name) => isHeldOut(task, name))

// ---------------------------------------------------------------------- problem

const stepOf = (
  { task: { network }, recipe, layers }: FineTuningSettings,
  state: TrainingState,
  schedule: Schedule
): E.Either<TensorError, Step & { readonly metrics: ReadonlyArray<string> }> => {
  const { shards, batchSize, sequenceLength, layerDecay: decay, layerDecayExponent: exponent, weightDecay } = recipe
  const update = updateWith(
    electraFineTuning({ schedule, weightDecay, rateOf: layerwiseDecay({ decay, layers, exponent }) })
  )
  const paths = tensorEntries(state).map(([path]) => path)
  const part = batchSize / shards
  return pipe(
    trace((params: Params, batch: NamedTensors, real: Tensor, key: Key) => {
      const { grads, aux } = valueAndGradWithAux((at: Params) => {
        const { loss, metrics } = lossOf(network)(at, batch, real, key)
        return [loss, metrics] as const
      })(params)
      return [grads, aux] as const
    })(state.params, network.batchSpec(part, sequenceLength), spec([part]), keySpec),
    E.bindTo('shardGrad'),
    E.bind('update', () => trace(update)(state, state.params, spec([], 'i32'))),
    E.map(({ shardGrad, update: traced }) => ({
      shards,
      state: paths.length,
      reads: paths.flatMap((path, i) => (path.startsWith('params.') ? [i] : [])),
      gradients: tensorEntries(state.params).length,
      shardGrad,
      update: traced,
      metrics: tensorEntries(shardGrad.result[1]).map(([path]) => path)
    }))
  )
}

/** Tokens that are not padding, where the rows have a mask of them. */
const tokensIn = ({ arrays, count }: Rows, indices: ReadonlyArray<number>): number => {
  const mask = 'mask' in arrays ? gatherRows(arrays.mask, count, indices) : []
  let tokens = 0
  for (let i = 0; i < mask.length; i++) tokens += mask[i]
  return tokens
}

const inputsOf = (
  rows: Rows,
  names: ReadonlyArray<string>,
  { batchSize, shards }: Recipe,
  seed: number
): ((n: number) => StepInputs) => {
  const order = rowOrder(rows.count, batchSize, keyOf(seed, 'order'))
  const shardsAt = shardsOf(rows, names, shards)
  const stepKeys = keyOf(seed, 'steps')
  return (n) => {
    const indices = order(n)
    const stepKey = hostFold(n)(stepKeys)
    return {
      shards: shardsAt(indices).map((arrays, s) => [...arrays, Uint32Array.from(hostFold(s)(stepKey))]),
      tokens: tokensIn(rows, indices)
    }
  }
}

const expectArrays = (names: ReadonlyArray<string>, { arrays }: Rows): E.Either<TensorError, void> =>
  attempt(() => {
    const absent = names.find((name) => !(name in arrays))
    if (absent !== undefined) throw invalidArgument('fine-tuning', `rows without '${absent}'`, names.join(', '))
  })

export type FineTuningError = TensorError | InputsError

/**
 * The problem of learning a task. `evaluated` are the splits whose reports are made where the engine evaluates; their results, and
 * so predictions, are `Session.outputs` by the split's name.
 *
 * Fails with `NoExamples` where there is nothing to train on, and the `TensorError` of what does not fit.
 */
export const fineTuningProblem = (
  settings: FineTuningSettings,
  evaluated: ReadonlyArray<string> = heldOutSplits(settings.task)
): E.Either<FineTuningError, Problem> => {
  const { task, recipe, seed } = settings
  const rows = trainingRows(settings)
  if (rows.count === 0) return E.left({ _tag: 'NoExamples' })
  const names = Object.keys(task.network.batchSpec(1, recipe.sequenceLength))
  const total = stepsOf(rows.count, recipe)
  return pipe(
    expectArrays(names, rows),
    E.bindTo('_'),
    E.bindW('schedule', () => attempt(() => fineTuningSchedule(recipe, total))),
    E.bindW('initial', () => trace((key: Key) => initialise(key)<unknown>(task.network.parameters) as Params)(keySpec)),
    E.let('state', ({ initial: { result: params } }): TrainingState => ({
      optimizer: { mu: params, nu: params },
      params
    })),
    E.bindW('step', ({ state, schedule }) => stepOf(settings, state, schedule)),
    E.bindW('evaluations', ({ state }) => pipe(evaluated, E.traverseArray(evaluationOf(settings, state.params)))),
    E.map(({ initial, state, step, schedule, evaluations }): Problem => ({
      totalSteps: total,
      state,
      initial,
      initialKey: keyOf(seed, 'parameters'),
      phases: [
        {
          from: 0,
          step,
          metrics: step.metrics,
          report: ({ loss, rows: real }) => ({ loss: loss[0] / real[0] }),
          learningRateAt: schedule.onHost,
          evaluations
        }
      ],
      inputsAt: inputsOf(rows, names, recipe, seed),
      facts: {},
      examples: rows.count,
      heldOutExamples: evaluated.reduce((n, name) => n + task.splits[name].rows.count, 0)
    }))
  )
}
