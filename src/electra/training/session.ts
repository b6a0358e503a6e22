/**
 * A run in memory: programs loaded on a pool, state in it, and steps that can be taken one after another.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type { Task } from 'fp-ts/lib/Task.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { TensorError } from '../../tensor/fault.js'
import type { Data } from '../../tensor/index.js'
import { storedOf, type NamedStored } from '../../tensor/stored.js'
import { equalShapes, sizeOf } from '../../tensor/shape.js'
import { tensorEntries } from '../../tensor/tree.js'
import {
  prepareStep,
  solo,
  type Arrays,
  type Execution,
  type Fold,
  type Pool,
  type WorkerError
} from '../../workers/index.js'
import type { ElectraConfig } from '../config/config.js'
import type { EncodedCorpus } from '../data/encoded-corpus.js'
import { objectiveOf } from '../objective/choose.js'
import type { Report } from '../objective/objective.js'
import { trainingData, type DataError, type StepInputs, type TrainingData } from './data.js'
import { runKeys, type RunKeys } from './keys.js'
import { namedSums, pretrainingPrograms, scheduleOf, type PretrainingPrograms } from './programs.js'

/** What decides the bits of a run, beside the device's arithmetic. */
export type RunSettings = {
  readonly config: ElectraConfig
  readonly corpus: EncodedCorpus
  readonly seed: number
  /** Where the schedule ends. */
  readonly totalSteps: number
}

export type SessionError = WorkerError | TensorError | DataError

/** The arrays of a state by name: parameters as in model files, moments behind `mu.` and `nu.`. */
export type NamedState = { readonly params: ReadonlyArray<NamedStored>; readonly optimizer: ReadonlyArray<NamedStored> }

export type StepReport = {
  readonly report: Report
  /** Before clipping. */
  readonly gradientNorm: number
  readonly learningRate: number
  /** Tokens of the batch that are not padding. */
  readonly tokens: number
}

export type Session = {
  readonly parameters: number
  readonly data: TrainingData
  readonly device: Pool['device']
  readonly workers: number
  readonly ranks: number
  /** Takes step `n`, counted from 0. A `Left` leaves the state as it was. */
  readonly step: (n: number) => TE.TaskEither<SessionError, StepReport>
  /** The report on the held-out batches; `undefined` where nothing is held out. */
  readonly evaluate: TE.TaskEither<SessionError, Report | undefined>
  readonly read: Task<NamedState>
  /** Puts a saved state in. Fails with the name of the first array that does not fit. */
  readonly write: (state: NamedState) => TE.TaskEither<SessionError, void>
  /** See `Fold`. */
  readonly memory: Fold['memory']
  readonly share: Fold['share']
  readonly compare: Fold['compare']
}

const addInto = (sums: ReadonlyArray<Float64Array>, arrays: Arrays): void =>
  sums.forEach((sum, i) => arrays[i].forEach((x, j) => (sum[j] += x)))

/** The sums of a program's metrics over batches. */
const summed =
  (
    evaluate: (shards: ReadonlyArray<Arrays>) => TE.TaskEither<WorkerError, Arrays>,
    batches: ReadonlyArray<ReadonlyArray<Arrays>>
  ): TE.TaskEither<WorkerError, ReadonlyArray<Float64Array>> =>
  async () => {
    const sums: Array<Float64Array> = []
    for (const shards of batches) {
      const evaluated = await evaluate(shards)()
      if (E.isLeft(evaluated)) return evaluated
      if (sums.length === 0) sums.push(...evaluated.right.map((x) => new Float64Array(x.length)))
      addInto(sums, evaluated.right)
    }
    return E.right(sums)
  }

/** Reports on the held-out batches, and on those with a fixed corruption where the objective can judge it. */
const evaluation = (
  { metrics, report, evaluation: source, judgement }: PretrainingPrograms,
  fold: Fold,
  { heldOut, corrupted }: TrainingData
): TE.TaskEither<WorkerError, Session['evaluate']> => {
  if (heldOut.length === 0) return TE.right(TE.right(undefined))
  const judged: TE.TaskEither<WorkerError, TE.TaskEither<WorkerError, Report>> = judgement === undefined
    ? TE.right(TE.right({}))
    : pipe(
        fold.evaluation('judgement', judgement.source),
        TE.map((evaluate) =>
          pipe(
            summed(evaluate, corrupted),
            TE.map((sums) => judgement.report(namedSums(judgement.metrics, sums)))
          )
        )
      )
  return pipe(
    fold.evaluation('evaluation', source),
    TE.bindTo('evaluate'),
    TE.bind('judge', () => judged),
    TE.map(({ evaluate, judge }) =>
      pipe(
        summed(evaluate, heldOut),
        TE.map((sums) => report(namedSums(metrics, sums), heldOut.length)),
        TE.chain((own) =>
          pipe(
            judge,
            TE.map((fixed) => ({ ...own, ...fixed }))
          )
        )
      )
    )
  )
}

type Leaf = { readonly name: string; readonly part: 'params' | 'optimizer'; readonly shape: ReadonlyArray<number> }

/** State leaves in the fold's order, with the names they are stored under. */
const leavesOf = ({ state }: PretrainingPrograms): ReadonlyArray<Leaf> =>
  tensorEntries(state).map(([path, { shape }]) => {
    const part = path.startsWith('params.') ? 'params' : 'optimizer'
    return { name: path.slice(part.length + 1), part, shape }
  })

/** Draws the parameters into a fold that is all zeros, as the optimiser's moments begin. */
const initialise = (
  { initial }: PretrainingPrograms,
  keys: RunKeys,
  fold: Fold,
  leaves: ReadonlyArray<Leaf>
): TE.TaskEither<WorkerError, void> =>
  fold.fill(
    'initial',
    initial,
    leaves.flatMap(({ part }, i) => (part === 'params' ? [i] : [])),
    [Uint32Array.from(keys.parameters)]
  )

const namedState = (leaves: ReadonlyArray<Leaf>, arrays: Arrays): NamedState => {
  const part = (wanted: Leaf['part']): ReadonlyArray<NamedStored> =>
    leaves.flatMap((leaf, i) =>
      leaf.part === wanted ? [{ ...storedOf('f32', leaf.shape, arrays[i]), name: leaf.name }] : []
    )
  return { params: part('params'), optimizer: part('optimizer') }
}

const arraysOf = (leaves: ReadonlyArray<Leaf>, state: NamedState): E.Either<SessionError, Arrays> => {
  const named = {
    params: new Map(state.params.map((x) => [x.name, x])),
    optimizer: new Map(state.optimizer.map((x) => [x.name, x]))
  }
  return pipe(
    leaves,
    E.traverseArray(({ name, part, shape }): E.Either<SessionError, Data> => {
      const x = named[part].get(name)
      return x !== undefined && x.dtype === 'F32' && equalShapes(x.shape, shape)
        ? E.right(x.data)
        : E.left({
            _tag: 'WrongInputs',
            where: `state ${part}.${name}`,
            found: x === undefined ? 'nothing' : `${x.dtype} [${x.shape.join(', ')}]`,
            expected: `F32 [${shape.join(', ')}]`
          })
    })
  )
}

type Prefetching = {
  /** The inputs of step n, which may be there already. */
  readonly inputsOf: (n: number) => StepInputs
  /** Prepares those of step `next` while other threads are at work: as soon as they have been told what to do. */
  readonly prefetched: <E, A>(work: TE.TaskEither<E, A>, next: number) => TE.TaskEither<E, A>
}

/** After the messages to other threads that are on their way. */
const soon = (): Promise<void> =>
  new Promise((resume) => {
    if (typeof setImmediate === 'function') setImmediate(resume)
    else setTimeout(resume)
  })

/** Inputs are functions of the step's number, so it does not matter when they are made. */
const prefetching = ({ stepAt }: TrainingData): Prefetching => {
  let ready: { readonly n: number; readonly inputs: StepInputs } | undefined
  return {
    inputsOf: (n) => (ready?.n === n ? ready.inputs : stepAt(n)),
    prefetched: (work, next) => async () => {
      const running = work()
      await soon()
      ready = { n: next, inputs: stepAt(next) }
      return running
    }
  }
}

/**
 * Prepares a run on a pool, with freshly initialised parameters. Of several ranks each opens one, and all then take the same
 * steps and evaluations together; everything else a rank does by itself.
 */
export const openSession =
  ({ config, corpus, seed, totalSteps }: RunSettings) =>
  (pool: Pool, execution: Execution = {}): TE.TaskEither<SessionError, Session> => {
    const keys = runKeys(seed)
    const schedule = scheduleOf(config, totalSteps)
    const objective = objectiveOf(config, corpus.vocabulary.pieces.length)
    return pipe(
      TE.fromEither<SessionError, TrainingData>(trainingData(config, corpus, keys)),
      TE.bindTo('data'),
      TE.bindW('programs', () => TE.fromEither(pretrainingPrograms(config, objective, totalSteps))),
      TE.bindW('fold', ({ programs }) => prepareStep(pool, programs.step, execution)),
      TE.bindW('evaluate', ({ data, programs, fold }) => evaluation(programs, fold, data)),
      TE.let('leaves', ({ programs }) => leavesOf(programs)),
      TE.chainFirstW(({ programs, fold, leaves }) => initialise(programs, keys, fold, leaves)),
      TE.map(({ data, programs: { metrics: names, report }, fold, evaluate, leaves }): Session => {
        const { inputsOf, prefetched } = prefetching(data)
        return {
          parameters: leaves.reduce((n, { part, shape }) => n + (part === 'params' ? sizeOf(shape) : 0), 0),
          data,
          device: pool.device,
          workers: pool.workers,
          ranks: (execution.ranks ?? solo).ranks,
          step: (n) => {
            const { shards, tokens } = inputsOf(n)
            return pipe(
              prefetched(fold.step(shards, [Int32Array.of(n)]), n + 1),
              TE.map(({ metrics, report: [gradientNorm] }) => ({
                report: report(namedSums(names, metrics), 1),
                gradientNorm: gradientNorm[0],
                learningRate: schedule.onHost(n),
                tokens
              }))
            )
          },
          evaluate,
          read: async () => namedState(leaves, await fold.read()),
          write: (state) => pipe(TE.fromEither(arraysOf(leaves, state)), TE.chainW(fold.write)),
          memory: fold.memory,
          share: fold.share,
          compare: fold.compare
        }
      })
    )
  }
