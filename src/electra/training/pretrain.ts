/**
 * Pre-training: the fold of steps over the stream of batches, with checkpoints, evaluations and metrics on the way.
 *
 * Everything that a step depends on is a function of the settings and the step's number, so a run that was stopped, by
 * an interrupt or by force, goes on from its last checkpoint bit for bit.
 *
 * Several ranks make one run. Each goes through the same states and comes to the same result; only the first reads and writes
 * the run's directory. What they decide, they decide together: where to start, when to stop, whether a step was sound.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type { IO } from 'fp-ts/lib/IO.js'
import * as O from 'fp-ts/lib/Option.js'
import * as T from 'fp-ts/lib/Task.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import {
  acquirePool,
  any,
  solo,
  together,
  type MemoryPlan,
  type Pool,
  type PoolOptions,
  type Ranks,
  type Replaced,
  type WorkerError
} from '../../workers/index.js'
import type { Corpus } from '../data/corpus.js'
import type { Report } from '../objective/objective.js'
import type { HeldOut, Progress, RunIdentity } from '../store/checkpoint-state.js'
import { sha256OfTensors } from '../store/digest.js'
import type { StoreError } from '../store/errors.js'
import type { InitialWeights } from '../store/initial-weights.js'
import { betterOf } from '../store/resume.js'
import { heldOutOf, meansOf, oweEvaluation, owesEvaluation, remember, rememberHeldOut } from './history.js'
import type { MetricsFile, MetricsRecord } from './metrics-file.js'
import { checkCommon, isSaved, restore, shareFirst, type Past, type Saved } from './past.js'
import {
  acquireRunDirectory,
  type Beginning,
  type DirectoryError,
  type DirectoryOptions,
  type RunDirectory
} from './run-directory.js'
import type { Start, Where } from './run-record.js'
import { openSession, type NamedState, type RunSettings, type Session, type SessionError } from './session.js'

export type PretrainOptions = RunSettings &
  DirectoryOptions & {
    readonly corpus: Corpus
    readonly pool: Omit<PoolOptions, 'onReplaced'>
    /** Who makes the run with this process: nobody, where not given. */
    readonly ranks?: Ranks
    readonly checkpointEvery: number
    /** Weights that a new run starts from, by the names of its parameters; the others are drawn. */
    readonly initial?: InitialWeights
    /** Asked before each step: whether to save and stop. All ranks stop where one of them is to. */
    readonly shouldStop: () => boolean
    readonly observe: (event: PretrainEvent) => void
  }

export type PretrainError =
  | SessionError
  | DirectoryError
  /**
   * What follows `step` could not be computed. The state of that step is `saved`, in a checkpoint that the run can be resumed
   * from, or could not be; `none` on a rank that saves nothing, and where the state is torn.
   */
  | {
      readonly _tag: 'StepFailed'
      readonly step: number
      readonly cause: SessionError
      readonly saved: O.Option<E.Either<StoreError, string>>
    }
  /** Something that must be finite no longer is. Earlier checkpoints stand, and none of this state is written. */
  | {
      readonly _tag: 'Diverged'
      readonly step: number
      readonly what: 'loss' | 'gradient norm' | 'held-out loss'
      readonly found: number
    }

export type { Where } from './run-record.js'

export type PretrainEvent =
  | (Where & {
      readonly _tag: 'Started'
      readonly step: number
      readonly totalSteps: number
      readonly parameters: number
      readonly examples: number
      readonly heldOutExamples: number
      /** Of this process. */
      readonly memory: MemoryPlan
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
  /** Nothing keeps another process from working in the run's directory, for that reason. */
  | { readonly _tag: 'Unguarded'; readonly reason: string }

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
  /** Of the training text's pieces, in nats. */
  readonly unigramEntropy: number
  /** On what it was computed, by the step from which on. */
  readonly starts: ReadonlyArray<Start>
  /** Of this process only, `undefined` where it took no step. Padding is not counted. */
  readonly tokensPerSecond: number | undefined
  /** Worker threads that were lost and replaced, in these processes. */
  readonly replacements: number
  readonly weightsSha256: string
  readonly optimizerSha256: string
  readonly checkpoint: string
  /** The final parameters by name. */
  readonly params: NamedState['params']
}

const identityOf = ({ config, corpus, seed, totalSteps }: PretrainOptions): RunIdentity => ({
  config,
  corpusSha256: corpus.manifest.sha256,
  seed,
  totalSteps
})

type Diverged = Extract<PretrainError, { readonly _tag: 'Diverged' }>

/** Everything the loop works with. */
type Run = {
  readonly options: PretrainOptions
  readonly ranks: Ranks
  readonly session: Session
  readonly directory: RunDirectory
  readonly metrics: MetricsFile
  readonly starts: ReadonlyArray<Start>
  readonly replacements: IO<number>
}

const whereOf = ({ options, ranks }: Pick<Run, 'options' | 'ranks'>, { device, workers }: Pool): Where => ({
  device: device.name,
  multiplier: device.multiplier,
  workers,
  ranks: ranks.ranks,
  relaxedSimd: options.pool.choice.relaxed === true
})

const finite = (step: number, what: Diverged['what'], found: number): E.Either<PretrainError, void> =>
  Number.isFinite(found) ? E.right(undefined) : E.left({ _tag: 'Diverged', step, what, found })

const save = ({ options, session, directory, metrics }: Run, past: Past): TE.TaskEither<StoreError, Saved> => {
  const { step, history, best } = past
  const progress: Progress = { ...identityOf(options), step, metrics: history, best }
  return pipe(
    // Before the checkpoint that they lead to: a resume reads them up to there.
    metrics.sync,
    TE.chain(() =>
      directory.save(
        step,
        pipe(
          session.read,
          T.map((state) => ({ progress, ...state }))
        )
      )
    ),
    TE.map((saved) => {
      options.observe({ _tag: 'Saved', step, path: saved })
      return { ...past, saved }
    })
  )
}

/** Saves what all ranks have. */
const saveTogether = (run: Run, past: Past): TE.TaskEither<PretrainError, Saved> =>
  pipe(
    run.session.compare,
    TE.chainW(() => save(run, past))
  )

/**
 * Ends a run whose step or evaluation failed on this rank: that left the state as it was, and it is saved unless it has
 * been. Nothing here waits for other ranks.
 */
const giveUp = (run: Run, past: Past, cause: SessionError): TE.TaskEither<PretrainError, never> => {
  const saving = pipe(
    isSaved(past) ? TE.right<StoreError, Saved>(past) : save(run, past),
    TE.map(({ saved }) => saved)
  )
  // A torn state is none to go on from.
  const isSaving = run.directory.isOurs && cause._tag !== 'StateTorn'
  return pipe(
    isSaving ? T.map(O.some)(saving) : T.of(O.none),
    T.chain((saved) => TE.left({ _tag: 'StepFailed', step: past.step, cause, saved }))
  )
}

const evaluate = (run: Run, past: Past): TE.TaskEither<PretrainError, Past> => {
  const { options, ranks, session, metrics } = run
  return pipe(
    session.evaluate,
    TE.orElseW((cause) => giveUp(run, { ...past, history: oweEvaluation(past.history) }, cause)),
    TE.chainW((report): TE.TaskEither<PretrainError, Past> => {
      if (report === undefined) return TE.right(past)
      const best = betterOf(past.best, { step: past.step, loss: report.loss })
      return pipe(
        together(ranks)(TE.fromEither(finite(past.step, 'held-out loss', report.loss))),
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
    const { options, ranks, session, metrics } = run
    const start = performance.now()
    const stepped = await session.step(past.step)()
    if (E.isLeft(stepped)) return giveUp(run, past, stepped.left)()
    const { report, gradientNorm, learningRate, tokens } = stepped.right
    const step = past.step + 1
    const sound = await pipe(
      TE.fromEither(finite(step, 'loss', report.loss)),
      TE.chain(() => TE.fromEither(finite(step, 'gradient norm', gradientNorm))),
      together(ranks)
    )()
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
  (run: Run, start: Past): TE.TaskEither<PretrainError, Omit<PretrainResult, keyof Where>> =>
  async () => {
    const { options, ranks, session, starts } = run
    // A run that could not make it ends here, and does so when it is resumed.
    const begun = owesEvaluation(start.history) ? await evaluate(run, start)() : E.right(start)
    if (E.isLeft(begun)) return begun
    let past = begun.right
    let [tokens, seconds] = [0, 0]
    while (past.step < options.totalSteps) {
      const stop = await pipe(TE.fromIO<boolean, WorkerError>(options.shouldStop), TE.chain(any(ranks)))()
      if (E.isLeft(stop)) return stop
      if (stop.right) break
      const began = performance.now()
      const stepped = await takeStep(run)(past)()
      if (E.isLeft(stepped)) return stepped
      past = stepped.right.past
      tokens += stepped.right.tokens
      seconds += secondsSince(began)
      if (past.step % options.checkpointEvery === 0 || past.step === options.totalSteps) {
        const saved = await pipe(
          evaluate(run, past),
          TE.chainW((evaluated) => saveTogether(run, evaluated))
        )()
        if (E.isLeft(saved)) return saved
        past = saved.right
      }
    }
    const ended = isSaved(past) ? E.right(past) : await saveTogether(run, past)()
    if (E.isLeft(ended)) return ended
    const replacements = Int32Array.of(run.replacements())
    const counted = await ranks.sum([replacements])()
    if (E.isLeft(counted)) return counted
    const { step, history, best, saved } = ended.right
    const state = await session.read()
    return E.right({
      isComplete: step === options.totalSteps,
      step,
      totalSteps: options.totalSteps,
      parameters: session.parameters,
      starts,
      first: meansOf(history, 'first'),
      last: meansOf(history, 'last'),
      heldOut: heldOutOf(history),
      best,
      unigramEntropy: session.data.unigramEntropy,
      tokensPerSecond: seconds === 0 ? undefined : tokens / seconds,
      replacements: replacements[0],
      weightsSha256: sha256OfTensors(state.params),
      optimizerSha256: sha256OfTensors(state.optimizer),
      checkpoint: saved,
      params: state.params
    })
  }

type Here = Pick<Run, 'options' | 'ranks' | 'directory' | 'replacements'>

const inPool =
  (here: Here, beginning: Beginning) =>
  (pool: Pool): TE.TaskEither<PretrainError, PretrainResult> => {
    const { options, ranks, directory } = here
    const where = whereOf(here, pool)
    const opened = pipe(
      TE.fromEither<PretrainError, void>(directory.admit(beginning, where)),
      TE.chainW(() => openSession(options)(pool, { ranks })),
      TE.bindTo('session'),
      TE.bindW('past', ({ session }) => restore(session, beginning.found, options.initial?.tensors)),
      TE.bindW('opened', ({ past }) =>
        directory.open(beginning, { step: past.step, owesEvaluation: owesEvaluation(past.history) }, where)
      )
    )
    return pipe(
      together(ranks)(opened),
      TE.chainFirstW(({ session }) => session.share),
      TE.bindW('begun', ({ past, opened: { starts } }) => shareFirst(ranks)({ past, starts })),
      TE.chainFirstIOK(({ session, begun: { past } }) => () => {
        options.observe({
          _tag: 'Started',
          step: past.step,
          totalSteps: options.totalSteps,
          parameters: session.parameters,
          examples: session.data.examples,
          heldOutExamples: session.data.heldOutExamples,
          memory: session.memory(),
          ...where
        })
      }),
      TE.chainW(({ session, begun: { past, starts }, opened: { metrics } }) =>
        fold({ ...here, session, metrics, starts }, past)
      ),
      TE.map((result) => {
        // A process that took no step computed nothing.
        const { step: _, ...last } = result.starts.at(-1) ?? { ...where, step: 0 }
        return { ...result, ...last }
      })
    )
  }

const inDirectory =
  (options: PretrainOptions, ranks: Ranks) =>
  (directory: RunDirectory): TE.TaskEither<PretrainError, PretrainResult> =>
  () => {
    let replacements = 0
    const pool: PoolOptions = {
      ...options.pool,
      onReplaced: (replaced) => {
        replacements++
        options.observe({ _tag: 'Replaced', ...replaced })
      }
    }
    if (directory.unguarded !== undefined) options.observe({ _tag: 'Unguarded', reason: directory.unguarded })
    const here: Here = { options, ranks, directory, replacements: () => replacements }
    const acquired = pipe(
      acquirePool(pool),
      // Those that have theirs learn of it where they would open a session.
      TE.orElse((e) => together(ranks)(TE.left<WorkerError, Pool>(e)))
    )
    return pipe(
      together(ranks)(directory.begin),
      TE.chainW((beginning) => TE.bracketW(acquired, inPool(here, beginning), (held) => TE.fromTask(held.release))),
      // What follows would bring it into being again.
      TE.chainFirstW(() => directory.check)
    )()
  }

/**
 * Runs, or resumes, a pre-training, and hands its result to `use` while the run's directory is still this process's own. Stops
 * after the step at which `shouldStop` says so, with its state saved.
 *
 * Worker threads that are lost on the way are replaced, and leave no trace in the results. On any `Left` the last
 * checkpoint stands, whole. Of several ranks one then has the reason, and the others `FailedElsewhere` where they had come to
 * it together; where they had not, they wait for that one to `abort`.
 */
export const pretrainThen =
  (options: PretrainOptions) =>
  <E, A>(use: (result: PretrainResult) => TE.TaskEither<E, A>): TE.TaskEither<E | PretrainError, A> => {
    const { ranks = solo } = options
    const identity = identityOf(options)
    const acquired = pipe(
      checkCommon(ranks, { ...identity, checkpointEvery: options.checkpointEvery }),
      TE.chainW(() =>
        pipe(
          acquireRunDirectory(options, identity, ranks),
          // The others learn of it where they would begin.
          TE.orElse((e) => together(ranks)(TE.left<DirectoryError, RunDirectory>(e)))
        )
      )
    )
    return TE.bracketW(
      acquired,
      (directory) => pipe(inDirectory(options, ranks)(directory), TE.chainW(use)),
      ({ release }) => TE.fromTask(release)
    )
  }

/** See `pretrainThen`. */
export const pretrain = (options: PretrainOptions): TE.TaskEither<PretrainError, PretrainResult> =>
  pretrainThen(options)(TE.right)
