/**
 * The loop of a pre-training: steps, with evaluations, checkpoints and metrics where the settings put them.
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
import type { Progress } from '../store/checkpoints/checkpoint-state.js'
import { sha256OfTensors } from '../store/digest.js'
import type { StoreError } from '../store/errors.js'
import { betterOf } from '../store/checkpoints/resume.js'
import { heldOutOf, meansOf, oweEvaluation, owesEvaluation, remember, rememberHeldOut } from './history.js'
import type { MetricsRecord } from './metrics-file.js'
import { isSaved, type Past, type Saved } from './past.js'
import { identityOf, type Diverged, type PretrainError, type PretrainResult, type Run } from './run.js'
import type { Where } from './run-record.js'
import type { SessionError } from './session.js'

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
export const fold =
  (run: Run, start: Past): TE.TaskEither<PretrainError, Omit<PretrainResult, keyof Where>> =>
  async () => {
    const { options, ranks, session, starts } = run
    // A run that could not make it ends here, and does so when it is resumed.
    const begun = owesEvaluation(start.history) ? await evaluate(run, start)() : E.right(start)
    if (E.isLeft(begun)) return begun
    let past = begun.right
    let [tokens, seconds] = [0, 0]
    while (past.step < options.totalSteps) {
      const stop = await pipe(TE.fromIO<boolean, WorkerError>(options.shouldStop), TE.chain(anyRank(ranks)))()
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
