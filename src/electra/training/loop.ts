/**
 * The loop of a run: steps, with evaluations, checkpoints and metrics where the settings put them.
 *
 * What ranks decide, they decide together: when to stop, whether a step was sound.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Where } from '../../workers/index.js'
import { together } from '../../workers/ranks/ranks.js'
import type { HeldOut } from '../store/checkpoints/checkpoint-state.js'
import { betterOf } from '../store/checkpoints/resume.js'
import { sha256OfTensors } from '../store/digest.js'
import {
  heldOutOf,
  meansOf,
  oweEvaluation,
  owesEvaluation,
  rememberHeldOut,
  scaledOf,
  type MetricsSummary
} from './metrics-summary.js'
import { phaseAt, type NamedState } from './problem.js'
import type { RunProgress, Saved } from './run-progress.js'
import type { Run, RunError, RunResult } from './run.js'
import { giveUp, readState, saveTogether } from './saving.js'
import { finite, takeSteps } from './taking-steps.js'

/** The best so far, where its loss is one of the same phase. */
const comparable = ({ problem }: Run, { best, step }: RunProgress): HeldOut | undefined =>
  best !== undefined && phaseAt(problem, best.step - 1) === phaseAt(problem, step - 1) ? best : undefined

const evaluate =
  (run: Run) =>
  (progress: RunProgress): TE.TaskEither<RunError, RunProgress> => {
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

/** How far a process has come, and what its steps took. */
type Trained = {
  readonly progress: RunProgress
  readonly tokens: number
  readonly seconds: number
  readonly isStopped: boolean
}

/** Where the next checkpoint is due: after every so many steps, and at the end. */
const nextDue = ({ options: { checkpointEvery, totalSteps } }: Run, step: number): number =>
  Math.min(totalSteps, (Math.floor(step / checkpointEvery) + 1) * checkpointEvery)

/** Steps up to the checkpoint that is due next, and that one with its evaluation. */
const trainOn =
  (run: Run) =>
  ({ progress: from, tokens, seconds }: Trained): TE.TaskEither<RunError, Trained> =>
  () => {
    const due = nextDue(run, from.step)
    const start = performance.now()
    return pipe(
      takeSteps(run, due)(from),
      TE.bindTo('taken'),
      TE.let('took', () => (performance.now() - start) / 1000),
      TE.bind('progress', ({ taken: { progress } }) =>
        progress.step < due
          ? TE.right(progress)
          : pipe(
              evaluate(run)(progress),
              TE.chain((evaluated) => saveTogether(run, evaluated))
            )
      ),
      TE.map(({ taken, took, progress }) => ({
        progress,
        tokens: tokens + taken.tokens,
        seconds: seconds + took,
        isStopped: taken.isStopped
      }))
    )()
  }

/** Evaluations stand where the settings put them, so stopping in between leaves no trace in what comes after. */
const trainToEnd =
  (run: Run) =>
  (from: RunProgress): TE.TaskEither<RunError, Trained> =>
  async () => {
    let trained: Trained = { progress: from, tokens: 0, seconds: 0, isStopped: false }
    while (!trained.isStopped && trained.progress.step < run.options.totalSteps) {
      const next = await trainOn(run)(trained)()
      if (E.isLeft(next)) return next
      trained = next.right
    }
    return E.right(trained)
  }

/** In all ranks. */
const countReplacements = ({ ranks, replacements }: Run): TE.TaskEither<RunError, number> => {
  const counted = Int32Array.of(replacements())
  return pipe(
    ranks.sum([counted]),
    TE.map(() => counted[0])
  )
}

type Ended = {
  readonly saved: Saved
  readonly tokensPerSecond: number | undefined
  readonly replacements: number
  readonly state: NamedState
}

const scaledPart = (summary: MetricsSummary): Pick<RunResult, 'scaled'> => {
  const scaled = scaledOf(summary)
  return scaled === undefined ? {} : { scaled }
}

const resultOf = (
  { options, problem, session, starts }: Run,
  { saved: { step, summary, best, checkpoint }, state, ...counts }: Ended
): Omit<RunResult, keyof Where> => ({
  isComplete: step === options.totalSteps,
  step,
  totalSteps: options.totalSteps,
  parameters: session.parameters,
  starts,
  first: meansOf(summary, 'first'),
  last: meansOf(summary, 'last'),
  heldOut: heldOutOf(summary),
  best,
  ...scaledPart(summary),
  facts: problem.facts,
  ...counts,
  weightsSha256: sha256OfTensors(state.params),
  optimizerSha256: sha256OfTensors(state.optimizer),
  checkpoint: checkpoint.path,
  params: state.params
})

/** The run from where it begins to its end, or to where it is asked to stop; its last state is saved. */
export const runLoop = (run: Run, start: RunProgress): TE.TaskEither<RunError, Omit<RunResult, keyof Where>> =>
  pipe(
    // The evaluation that failed, and ended the run before this one, is made first.
    owesEvaluation(start.summary) ? evaluate(run)(start) : TE.right<RunError, RunProgress>(start),
    TE.chain(trainToEnd(run)),
    TE.bindTo('trained'),
    TE.bind('saved', ({ trained }) => saveTogether(run, trained.progress)),
    TE.bind('replacements', () => countReplacements(run)),
    TE.bindW('state', ({ saved }) => readState(run, saved)),
    TE.map(({ trained: { tokens, seconds }, ...ended }) =>
      resultOf(run, {
        ...ended,
        tokensPerSecond: ended.saved.step === start.step ? undefined : tokens / seconds
      })
    )
  )
