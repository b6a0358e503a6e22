/**
 * Pre-training: the fold of steps over the stream of batches, with checkpoints, evaluations and metrics on the way.
 *
 * A run lives in one directory:
 *
 *     config.json      the configuration, resolved
 *     metrics.jsonl    a line for each step and each evaluation
 *     checkpoints/     the last few, and the best by held-out loss
 *
 * Everything that a step depends on is a function of the settings and the step's number, so a run that was stopped, by
 * an interrupt or by force, goes on from its last checkpoint bit for bit.
 */

import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type { IO } from 'fp-ts/lib/IO.js'
import * as O from 'fp-ts/lib/Option.js'
import * as T from 'fp-ts/lib/Task.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { withPool, type Pool, type PoolOptions, type Replaced } from '../../workers/index.js'
import type { Report } from '../objective/objective.js'
import { latestCheckpoint, saveCheckpoint, type Found } from '../store/checkpoint.js'
import type { HeldOut, Progress, RunIdentity } from '../store/checkpoint-state.js'
import { canonicalJson } from '../store/canonical-json.js'
import { sha256OfTensors } from '../store/digest.js'
import type { StoreError } from '../store/errors.js'
import { removeLeftovers } from '../store/files.js'
import { betterOf, checkResume } from '../store/resume.js'
import {
  emptyHistory,
  heldOutOf,
  meansOf,
  oweEvaluation,
  owesEvaluation,
  remember,
  rememberHeldOut,
  type History
} from './history.js'
import { metricsFile, type MetricsFile, type MetricsRecord } from './metrics-file.js'
import { openSession, type NamedState, type RunSettings, type Session, type SessionError } from './session.js'

export type PretrainOptions = RunSettings & {
  readonly out: string
  readonly pool: Omit<PoolOptions, 'onReplaced'>
  readonly checkpointEvery: number
  readonly keepCheckpoints: number
  /** Continue from the last checkpoint in `out`; without it, `out` must hold none. */
  readonly resume: boolean
  /** Asked before each step: whether to save and stop. */
  readonly shouldStop: () => boolean
  readonly observe: (event: PretrainEvent) => void
}

export type PretrainError =
  | SessionError
  | StoreError
  /** `out` already holds a run, and `resume` was not asked for. */
  | { readonly _tag: 'RunExists'; readonly out: string; readonly step: number }
  /** `resume` was asked for, and there is nothing to resume. */
  | { readonly _tag: 'NothingToResume'; readonly out: string }
  /**
   * What follows `step` could not be computed. The state of that step is `saved`, in a checkpoint that the run can be resumed
   * from, or could not be.
   */
  | {
      readonly _tag: 'StepFailed'
      readonly step: number
      readonly cause: SessionError
      readonly saved: E.Either<StoreError, string>
    }
  /** Something that must be finite no longer is. Earlier checkpoints stand, and none of this state is written. */
  | {
      readonly _tag: 'Diverged'
      readonly step: number
      readonly what: 'loss' | 'gradient norm' | 'held-out loss'
      readonly found: number
    }

/** On what the steps are computed. */
export type Where = {
  readonly device: string
  readonly multiplier: string
  readonly workers: number
  /** Whether the bits of the device's own products may depend on the machine. */
  readonly relaxedSimd: boolean
}

export type PretrainEvent =
  | (Where & {
      readonly _tag: 'Started'
      readonly step: number
      readonly totalSteps: number
      readonly parameters: number
      readonly examples: number
      readonly heldOutExamples: number
    })
  | {
      readonly _tag: 'Stepped'
      /** Updates done. */
      readonly step: number
      readonly report: Report
      readonly gradientNorm: number
      readonly learningRate: number
      readonly tokens: number
      readonly seconds: number
    }
  | { readonly _tag: 'Evaluated'; readonly step: number; readonly report: Report; readonly isBest: boolean }
  | { readonly _tag: 'Saved'; readonly step: number; readonly path: string }
  | ({ readonly _tag: 'Replaced' } & Replaced)

export type PretrainResult = Where & {
  /** Whether every step was taken; otherwise it was asked to stop. */
  readonly isComplete: boolean
  readonly step: number
  readonly totalSteps: number
  readonly parameters: number
  /** Means over the first and the last tenth of the steps; empty where none of it was taken. */
  readonly first: Report
  readonly last: Report
  /** The last evaluation: of this step where the run is complete. */
  readonly heldOut: Report | undefined
  readonly best: HeldOut | undefined
  /** Of this process only: a resumed run does not count what came before. Padding is not counted. */
  readonly tokensPerSecond: number
  /** Worker threads that were lost and replaced, in this process. */
  readonly replacements: number
  readonly weightsSha256: string
  readonly optimizerSha256: string
  readonly checkpoint: string
  /** The final parameters by name. */
  readonly params: NamedState['params']
}

/** The state of the fold that is not in the session. */
type Past = {
  readonly step: number
  readonly history: History
  readonly best: HeldOut | undefined
  /** The checkpoint that holds this very state. */
  readonly saved: string | undefined
}

type Saved = Past & { readonly saved: string }

const isSaved = (past: Past): past is Saved => past.saved !== undefined

const identityOf = ({ config, corpus, seed, totalSteps }: RunSettings): RunIdentity => ({
  config,
  corpusSha256: corpus.manifest.sha256,
  seed,
  totalSteps
})

const checkpointsOf = (out: string): string => join(out, 'checkpoints')

/** The checkpoint to start from: none for a new run. */
const startingPoint = (options: PretrainOptions): TE.TaskEither<PretrainError, O.Option<Found>> =>
  pipe(
    removeLeftovers(checkpointsOf(options.out)),
    TE.chainW(() => latestCheckpoint(checkpointsOf(options.out))),
    TE.chainEitherKW((found): E.Either<PretrainError, O.Option<Found>> => {
      const { out, resume } = options
      if (O.isNone(found)) return resume ? E.left({ _tag: 'NothingToResume', out }) : E.right(found)
      const { progress } = found.value.checkpoint
      if (!resume) return E.left({ _tag: 'RunExists', out, step: progress.step })
      return pipe(
        checkResume(identityOf(options), progress),
        E.map(() => found)
      )
    })
  )

const restore = (session: Session, found: O.Option<Found>): TE.TaskEither<PretrainError, Past> =>
  pipe(
    found,
    O.match(
      () => TE.right<PretrainError, Past>({ step: 0, history: emptyHistory, best: undefined, saved: undefined }),
      ({ path, checkpoint: { progress, ...state } }) =>
        pipe(
          session.write(state),
          TE.map((): Past => ({
            step: progress.step,
            history: progress.metrics,
            best: progress.best,
            saved: path
          }))
        )
    )
  )

type Diverged = Extract<PretrainError, { readonly _tag: 'Diverged' }>

/** Everything the loop works with. */
type Run = {
  readonly options: PretrainOptions
  readonly session: Session
  readonly metrics: MetricsFile
  readonly replacements: IO<number>
}

const whereOf = ({ options, session }: Pick<Run, 'options' | 'session'>): Where => ({
  device: session.device.name,
  multiplier: session.device.multiplier,
  workers: session.workers,
  relaxedSimd: options.pool.choice.relaxed === true
})

const finite = (step: number, what: Diverged['what'], found: number): E.Either<PretrainError, void> =>
  Number.isFinite(found) ? E.right(undefined) : E.left({ _tag: 'Diverged', step, what, found })

const save = ({ options, session }: Run, past: Past): TE.TaskEither<StoreError, Saved> =>
  pipe(
    TE.fromTask(session.read),
    TE.chainW((state) => {
      const { step, history, best } = past
      const progress: Progress = { ...identityOf(options), step, metrics: history, best }
      return saveCheckpoint(checkpointsOf(options.out), { progress, ...state }, { keep: options.keepCheckpoints })
    }),
    TE.map((saved) => {
      options.observe({ _tag: 'Saved', step: past.step, path: saved })
      return { ...past, saved }
    })
  )

/** Ends a run whose step or evaluation failed: that left the state as it was, and it is saved unless it has been. */
const giveUp = (run: Run, past: Past, cause: SessionError): TE.TaskEither<PretrainError, never> =>
  pipe(
    isSaved(past) ? TE.right<StoreError, Saved>(past) : save(run, past),
    TE.map(({ saved }) => saved),
    T.chain((saved) => TE.left({ _tag: 'StepFailed', step: past.step, cause, saved }))
  )

const evaluate = (run: Run, past: Past): TE.TaskEither<PretrainError, Past> => {
  const { options, session, metrics } = run
  return pipe(
    session.evaluate,
    TE.orElseW((cause) => giveUp(run, { ...past, history: oweEvaluation(past.history) }, cause)),
    TE.chainW((report): TE.TaskEither<PretrainError, Past> => {
      if (report === undefined) return TE.right(past)
      const best = betterOf(past.best, { step: past.step, loss: report.loss })
      return pipe(
        TE.fromEither(finite(past.step, 'held-out loss', report.loss)),
        TE.chainFirstIOK(() => () => {
          options.observe({ _tag: 'Evaluated', step: past.step, report, isBest: best?.step === past.step })
        }),
        TE.chainW(() => metrics.append({ kind: 'heldOut', step: past.step, ...report })),
        TE.map(() => ({ ...past, best, history: rememberHeldOut(report)(past.history) }))
      )
    })
  )
}

const secondsSince = (start: number): number => (performance.now() - start) / 1000

const takeStep =
  (run: Run) =>
  (past: Past): TE.TaskEither<PretrainError, { readonly past: Past; readonly tokens: number }> =>
  async () => {
    const { options, session, metrics } = run
    const start = performance.now()
    const stepped = await session.step(past.step)()
    if (E.isLeft(stepped)) return giveUp(run, past, stepped.left)()
    const { report, gradientNorm, learningRate, tokens } = stepped.right
    const step = past.step + 1
    const sound = pipe(
      finite(step, 'loss', report.loss),
      E.chain(() => finite(step, 'gradient norm', gradientNorm))
    )
    if (E.isLeft(sound)) return sound
    const facts = { report, gradientNorm, learningRate, tokens, seconds: secondsSince(start) }
    options.observe({ _tag: 'Stepped', step, ...facts })
    const record: MetricsRecord = {
      kind: 'step',
      step,
      ...report,
      gradientNorm,
      learningRate,
      tokens,
      seconds: facts.seconds
    }
    const written = await metrics.append(record)()
    if (E.isLeft(written)) return written
    return E.right({
      past: {
        ...past,
        step,
        history: remember(past.step, options.totalSteps, report)(past.history),
        saved: undefined
      },
      tokens
    })
  }

/**
 * Evaluations stand where the settings put them: at every checkpoint that is due, and at the end. A run that is stopped
 * in between is saved without one, so that stopping leaves no trace in what comes after.
 */
const fold =
  (run: Run, start: Past): TE.TaskEither<PretrainError, PretrainResult> =>
  async () => {
    const { options, session } = run
    // A run that could not make it ends here, and does so when it is resumed.
    const begun = owesEvaluation(start.history) ? await evaluate(run, start)() : E.right(start)
    if (E.isLeft(begun)) return begun
    let past = begun.right
    let [tokens, seconds] = [0, 0]
    while (past.step < options.totalSteps && !options.shouldStop()) {
      const began = performance.now()
      const stepped = await takeStep(run)(past)()
      if (E.isLeft(stepped)) return stepped
      past = stepped.right.past
      tokens += stepped.right.tokens
      seconds += secondsSince(began)
      if (past.step % options.checkpointEvery === 0 || past.step === options.totalSteps) {
        const saved = await pipe(
          evaluate(run, past),
          TE.chainW((evaluated) => save(run, evaluated))
        )()
        if (E.isLeft(saved)) return saved
        past = saved.right
      }
    }
    const ended = isSaved(past) ? E.right(past) : await save(run, past)()
    if (E.isLeft(ended)) return ended
    const { step, history, best, saved } = ended.right
    const state = await session.read()
    return E.right({
      isComplete: step === options.totalSteps,
      step,
      totalSteps: options.totalSteps,
      parameters: session.parameters,
      ...whereOf(run),
      first: meansOf(history, 'first'),
      last: meansOf(history, 'last'),
      heldOut: heldOutOf(history),
      best,
      tokensPerSecond: seconds === 0 ? 0 : tokens / seconds,
      replacements: run.replacements(),
      weightsSha256: sha256OfTensors(state.params),
      optimizerSha256: sha256OfTensors(state.optimizer),
      checkpoint: saved,
      params: state.params
    })
  }

const inPool =
  (options: PretrainOptions, found: O.Option<Found>, replacements: IO<number>) =>
  (pool: Pool): TE.TaskEither<PretrainError, PretrainResult> =>
    pipe(
      openSession(options)(pool),
      TE.bindTo('session'),
      TE.bindW('past', ({ session }) => restore(session, found)),
      TE.bindW('metrics', ({ past }) =>
        metricsFile(
          options.out,
          { step: past.step, owesEvaluation: owesEvaluation(past.history) },
          `${canonicalJson(options.config, 2)}\n`
        )
      ),
      TE.chainFirstIOK(({ session, past }) => () => {
        options.observe({
          _tag: 'Started',
          step: past.step,
          totalSteps: options.totalSteps,
          parameters: session.parameters,
          examples: session.data.examples,
          heldOutExamples: session.data.heldOutExamples,
          ...whereOf({ options, session })
        })
      }),
      TE.chainW(({ session, past, metrics }) => fold({ options, session, metrics, replacements }, past))
    )

/**
 * Runs, or resumes, a pre-training. Stops after the step at which `shouldStop` says so, with its state saved.
 *
 * Worker threads that are lost on the way are replaced, and leave no trace in the results. On any `Left` the last
 * checkpoint stands, whole.
 */
export const pretrain =
  (options: PretrainOptions): TE.TaskEither<PretrainError, PretrainResult> =>
  () => {
    let replacements = 0
    const pool: PoolOptions = {
      ...options.pool,
      onReplaced: (replaced) => {
        replacements++
        options.observe({ _tag: 'Replaced', ...replaced })
      }
    }
    return pipe(
      startingPoint(options),
      TE.chain((found) => withPool(pool)(inPool(options, found, () => replacements)))
    )()
  }
