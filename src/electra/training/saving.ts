/**
 * Checkpoints of a run, and how it ends where it cannot go on.
 */

import { pipe } from 'fp-ts/lib/function.js'
import * as O from 'fp-ts/lib/Option.js'
import * as T from 'fp-ts/lib/Task.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { CheckpointProgress } from '../store/checkpoints/checkpoint-state.js'
import type { StoreError } from '../store/errors.js'
import type { NamedState } from './problem.js'
import { isSaved, type RunProgress, type Saved } from './run-progress.js'
import type { Run, RunError, StateUnread } from './run.js'
import type { SessionError } from './session.js'

/** The state of a run, between two steps. */
export const readState = (
  { session }: Run,
  { step, checkpoint }: RunProgress
): TE.TaskEither<StateUnread, NamedState> =>
  pipe(
    session.read,
    TE.mapLeft((cause) => ({ _tag: 'StateUnread', step, cause, last: checkpoint?.path }))
  )

const save = (run: Run, progress: RunProgress): TE.TaskEither<StoreError | StateUnread, Saved> => {
  const { options, directory, metrics } = run
  const { step, summary, best } = progress
  const kept: CheckpointProgress = { identity: options.identity, step, metrics: summary, best }
  return pipe(
    // Before the checkpoint that they lead to: a resume reads them up to there.
    metrics.sync,
    TE.chainW(() =>
      directory.save(
        step,
        pipe(
          readState(run, progress),
          TE.map((state) => ({ progress: kept, ...state }))
        )
      )
    ),
    TE.map((path) => {
      options.observe({ _tag: 'Saved', step, path })
      return { ...progress, checkpoint: { step, path } }
    })
  )
}

/** Saves what all ranks have, unless it has been. */
export const saveTogether = (run: Run, progress: RunProgress): TE.TaskEither<RunError, Saved> =>
  isSaved(progress)
    ? TE.right(progress)
    : pipe(
        run.session.compare,
        TE.chainW(() => save(run, progress))
      )

/**
 * Ends a run whose step or evaluation failed on this rank: that left the state as it was, and it is saved unless it has
 * been. Nothing here waits for other ranks.
 */
export const giveUp = (run: Run, progress: RunProgress, cause: SessionError): TE.TaskEither<RunError, never> => {
  const saving = pipe(
    isSaved(progress) ? TE.right<StoreError | StateUnread, Saved>(progress) : save(run, progress),
    TE.map(({ checkpoint }) => checkpoint.path)
  )
  // A torn state is none to go on from.
  const isSaving = run.directory.isOurs && cause._tag !== 'StateTorn'
  return pipe(
    isSaving ? T.map(O.some)(saving) : T.of(O.none),
    T.chain((saved) =>
      TE.left({ _tag: 'StepFailed', step: progress.step, cause, saved, last: progress.checkpoint?.path })
    )
  )
}
