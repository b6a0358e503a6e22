/**
 * Training: the fold of steps over the stream of batches, with checkpoints, evaluations and metrics on the way.
 *
 * Everything that a step depends on is a function of the settings and the step's number, so a run that was stopped, by
 * an interrupt or by force, goes on from its last checkpoint bit for bit.
 *
 * Several ranks make one run. Each goes through the same states and comes to the same result; only the first reads and writes
 * the run's directory. What they decide, they decide together: where to start, when to stop, whether a step was sound.
 */

import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { solo, type HeldFolds, type Ranks, type WorkerError } from '../../workers/index.js'
import { together } from '../../workers/ranks/ranks.js'
import { runLoop } from './loop.js'
import { owesEvaluation } from './metrics-summary.js'
import { checkCommon, shareFirst } from './rank-agreement.js'
import type { Run, RunError, RunOptions, RunResult } from './run.js'
import { acquireRunDirectory, type Beginning, type DirectoryError, type RunDirectory } from './run-directory.js'
import { restore } from './run-progress.js'
import { openSession } from './session.js'

type Here = Pick<Run, 'options' | 'ranks' | 'directory' | 'replacements'>

const onFolds =
  (here: Here, beginning: Beginning) =>
  ({ where, ...folds }: HeldFolds): TE.TaskEither<RunError, RunResult> => {
    const { options, ranks, directory } = here
    const opened = pipe(
      TE.fromEither<RunError, void>(directory.checkArithmetic(beginning, where)),
      TE.chainEitherKW(options.problem),
      TE.bindTo('problem'),
      TE.bindW('session', ({ problem }) => openSession(problem)(folds)),
      TE.bindW('progress', ({ session }) => restore(session, beginning.found, options.initial?.tensors)),
      TE.bindW('opened', ({ progress }) =>
        directory.open(beginning, { step: progress.step, owesEvaluation: owesEvaluation(progress.summary) }, where)
      )
    )
    return pipe(
      together(ranks)(opened),
      TE.chainFirstW(({ session }) => session.share),
      TE.bindW('begun', ({ progress, opened: { starts } }) => shareFirst(ranks)({ progress, starts })),
      TE.chainFirstIOK(({ problem, session, begun: { progress } }) => () => {
        options.observe({
          _tag: 'Started',
          step: progress.step,
          totalSteps: options.totalSteps,
          parameters: session.parameters,
          examples: problem.examples,
          heldOutExamples: problem.heldOutExamples,
          memory: session.memory(),
          ...where
        })
      }),
      TE.chainW(({ problem, session, begun: { progress, starts }, opened: { metrics } }) =>
        pipe(
          runLoop({ ...here, problem, session, metrics, starts }, progress),
          TE.map((result): RunResult => {
            // A process that took no step computed nothing.
            const { step: _, ...last } = result.starts.at(-1) ?? { ...where, step: 0 }
            return { ...result, ...last }
          })
        )
      )
    )
  }

const inDirectory =
  (options: RunOptions, ranks: Ranks) =>
  (directory: RunDirectory): TE.TaskEither<RunError, RunResult> =>
  () => {
    let replacements = 0
    if (directory.unguarded !== undefined) options.observe({ _tag: 'Unguarded', reason: directory.unguarded })
    const here: Here = { options, ranks, directory, replacements: () => replacements }
    const acquired = pipe(
      options.folds((replaced) => {
        replacements++
        options.observe({ _tag: 'Replaced', ...replaced })
      }),
      // Those that have theirs learn of it where they would open a session.
      TE.orElse((e) => together(ranks)(TE.left<WorkerError, HeldFolds>(e)))
    )
    return pipe(
      together(ranks)(directory.begin),
      TE.chainW((beginning) => TE.bracketW(acquired, onFolds(here, beginning), (held) => TE.fromTask(held.release))),
      // What follows would bring it into being again.
      TE.chainFirstW(() => directory.check)
    )()
  }

/**
 * Runs, or resumes, a training, and hands its result to `use` while the run's directory is still this process's own. Stops
 * after the step at which `shouldStop` says so, with its state saved.
 *
 * Worker threads that are lost on the way are replaced, and leave no trace in the results. On any `Left` the last
 * checkpoint stands, whole. Of several ranks one then has the reason, and the others `FailedElsewhere` where they had come to
 * it together; where they had not, they wait for that one to `abort`.
 */
export const trainThen =
  (options: RunOptions) =>
  <E, A>(use: (result: RunResult) => TE.TaskEither<E, A>): TE.TaskEither<E | RunError, A> => {
    const { ranks = solo } = options
    const acquired = pipe(
      checkCommon(ranks, { identity: options.identity, checkpointEvery: options.checkpointEvery }),
      TE.chainW(() =>
        pipe(
          acquireRunDirectory(options, options.identity, ranks),
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
