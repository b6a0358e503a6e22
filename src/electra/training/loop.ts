/**
 * The loop of a run: steps, with evaluations, checkpoints and metrics where the settings put them.
 *
 * What ranks decide, they decide together: when to stop, whether a step was sound.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as O from 'fp-ts/lib/Option.js'
import * as T from 'fp-ts/lib/Task.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { WorkerError } from '../../workers/index.js'
import { anyRank, together } from '../../workers/ranks/ranks.js'
import type { CheckpointProgress, HeldOut } from '../store/checkpoints/checkpoint-state.js'
import { sha256OfTensors } from '../store/digest.js'
import type { StoreError } from '../store/errors.js'
import { betterOf } from '../store/checkpoints/resume.js'
import { heldOutOf, meansOf, oweEvaluation, owesEvaluation, remember, rememberHeldOut } from './metrics-summary.js'
import type { MetricsRecord } from './metrics-file.js'
import { isSaved, type RunProgress, type Saved } from './run-progress.js'
import type { Diverged, RunError, RunResult, Run } from './run.js'
import type { Where } from './run-record.js'
import { phaseAt } from './problem.js'
import type { SessionError } from './session.js'

const finite = (step: number, what: Diverged['what'], found: number): E.Either<RunError, void> =>
  Number.isFinite(found) ? E.right(undefined) : E.left({ _tag: 'Diverged', step, what, found })

const save = (
  { options, session, directory, metrics }: Run,
  progress: RunProgress
): TE.TaskEither<StoreError, Saved> => {
  const { step, summary, best } = progress
  const kept: CheckpointProgress = { identity: options.identity, step, metrics: summary, best }
  return pipe(
    // Before the checkpoint that they lead to: a resume reads them up to there.
    metrics.sync,
    TE.chain(() =>
      directory.save(
        step,
        pipe(
          session.read,
          T.map((state) => ({ progress: kept, ...state }))
        )
      )
    ),
    TE.map((saved) => {
      options.observe({ _tag: 'Saved', step, path: saved })
      return { ...progress, saved }
    })
  )
}

/** Saves what all ranks have. */
const saveTogether = (run: Run, progress: RunProgress): TE.TaskEither<RunError, Saved> =>
  pipe(
    run.session.compare,
    TE.chainW(() => save(run, progress))
  )

/**
 * Ends a run whose step or evaluation failed on this rank: that left the state as it was, and it is saved unless it has
 * been. Nothing here waits for other ranks.
 */
const giveUp = (run: Run, progress: RunProgress, cause: SessionError): TE.TaskEither<RunError, never> => {
  const saving = pipe(
    isSaved(progress) ? TE.right<StoreError, Saved>(progress) : save(run, progress),
    TE.map(({ saved }) => saved)
  )
  // A torn state is none to go on from.
  const isSaving = run.directory.isOurs && cause._tag !== 'StateTorn'
  return pipe(
    isSaving ? T.map(O.some)(saving) : T.of(O.none),
    T.chain((saved) => TE.left({ _tag: 'StepFailed', step: progress.step, cause, saved }))
  )
}

/** The best so far, where its loss is one of the same phase. */
const comparable = ({ problem }: Run, { best, step }: RunProgress): HeldOut | undefined =>
  best !== undefined && phaseAt(problem, best.step - 1) === phaseAt(problem, step - 1) ? best : undefined

const evaluate = (run: Run, progress: RunProgress): TE.TaskEither<RunError, RunProgress> => {
  const { options, ranks, session, metrics } = run
  return pipe(
    session.evaluate,
    TE.orElseW((cause) => giveUp(run, { ...progress, summary: oweEvaluation(progress.summary) }, cause)),
    TE.chainW((report): TE.TaskEither<RunError, RunProgress> => {
      if (report === undefined) return TE.right(progress)
      const best = betterOf(comparable(run, progress), { step: progress.step, loss: report.loss })
      return pipe(
        together(ranks)(TE.fromEither(finite(progress.step, 'held-out loss', report.loss))),
        TE.chainFirstIOK(() => () => {
          options.observe({ _tag: 'Evaluated', step: progress.step, report, isBest: best?.step === progress.step })
        }),
        TE.chainW(() => metrics.append({ kind: 'heldOut', step: progress.step, ...report })),
        TE.map(() => ({ ...progress, best, summary: rememberHeldOut(report)(progress.summary) }))
      )
    })
  )
}

const secondsSince = (start: number): number => (performance.now() - start) / 1000

const takeStep =
  (run: Run) =>
  (progress: RunProgress): TE.TaskEither<RunError, { readonly progress: RunProgress; readonly tokens: number }> =>
  async () => {
    const { options, ranks, session, metrics } = run
    const start = performance.now()
    const stepped = await session.step(progress.step)()
    if (E.isLeft(stepped)) return giveUp(run, progress, stepped.left)()
    const { report, gradientNorm, learningRate, tokens } = stepped.right
    const step = progress.step + 1
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
      progress: {
        ...progress,
        step,
        summary: remember(progress.step, options.totalSteps, report)(progress.summary),
        saved: undefined
      },
      tokens
    })
  }

/**
 * Evaluations stand where the settings put them: at every checkpoint that is due, and at the end. A run that is stopped
 * in between is saved without one, so that stopping leaves no trace in what comes after.
 */
export const runLoop =
  (run: Run, start: RunProgress): TE.TaskEither<RunError, Omit<RunResult, keyof Where>> =>
  async () => {
    const { options, ranks, session, starts } = run
    // The evaluation that failed, and ended the run before this one, is made first.
    const begun = owesEvaluation(start.summary) ? await evaluate(run, start)() : E.right(start)
    if (E.isLeft(begun)) return begun
    let progress = begun.right
    let [tokens, seconds] = [0, 0]
    while (progress.step < options.totalSteps) {
      const stop = await pipe(TE.fromIO<boolean, WorkerError>(options.shouldStop), TE.chain(anyRank(ranks)))()
      if (E.isLeft(stop)) return stop
      if (stop.right) break
      const began = performance.now()
      const stepped = await takeStep(run)(progress)()
      if (E.isLeft(stepped)) return stepped
      progress = stepped.right.progress
      tokens += stepped.right.tokens
      seconds += secondsSince(began)
      if (progress.step % options.checkpointEvery === 0 || progress.step === options.totalSteps) {
        const saved = await pipe(
          evaluate(run, progress),
          TE.chainW((evaluated) => saveTogether(run, evaluated))
        )()
        if (E.isLeft(saved)) return saved
        progress = saved.right
      }
    }
    const ended = isSaved(progress) ? E.right(progress) : await saveTogether(run, progress)()
    if (E.isLeft(ended)) return ended
    const replacements = Int32Array.of(run.replacements())
    const counted = await ranks.sum([replacements])()
    if (E.isLeft(counted)) return counted
    const { step, summary, best, saved } = ended.right
    const state = await session.read()
    return E.right({
      isComplete: step === options.totalSteps,
      step,
      totalSteps: options.totalSteps,
      parameters: session.parameters,
      starts,
      first: meansOf(summary, 'first'),
      last: meansOf(summary, 'last'),
      heldOut: heldOutOf(summary),
      best,
      facts: run.problem.facts,
      tokensPerSecond: seconds === 0 ? undefined : tokens / seconds,
      replacements: replacements[0],
      weightsSha256: sha256OfTensors(state.params),
      optimizerSha256: sha256OfTensors(state.optimizer),
      checkpoint: saved,
      params: state.params
    })
  }
