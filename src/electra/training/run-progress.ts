/**
 * How far a run has come: what it is, between two steps, beyond the state in its session; and where it begins.
 */

import { pipe } from 'fp-ts/lib/function.js'
import * as O from 'fp-ts/lib/Option.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Found } from '../store/checkpoints/checkpoint.js'
import type { HeldOut } from '../store/checkpoints/checkpoint-state.js'
import type { FloatTensor } from '../store/models/hf-tensors.js'
import { withInitial } from '../store/models/initial-weights.js'
import { emptySummary, type MetricsSummary } from './metrics-summary.js'
import type { Session, SessionError } from './session.js'

export type RunProgress = {
  readonly step: number
  readonly summary: MetricsSummary
  readonly best: HeldOut | undefined
  /** The last checkpoint: of this very state, or of one before it. */
  readonly checkpoint: { readonly step: number; readonly path: string } | undefined
}

export type Saved = RunProgress & { readonly checkpoint: NonNullable<RunProgress['checkpoint']> }

/** Whether a checkpoint holds this very state. */
export const isSaved = (progress: RunProgress): progress is Saved => progress.checkpoint?.step === progress.step

const beginning: RunProgress = { step: 0, summary: emptySummary, best: undefined, checkpoint: undefined }

/** Puts given weights in the places of those that were drawn. */
const begin = (session: Session, initial: ReadonlyArray<FloatTensor>): TE.TaskEither<SessionError, RunProgress> =>
  initial.length === 0
    ? TE.right(beginning)
    : pipe(
        session.read,
        TE.chain(({ params, optimizer }) => session.write({ params: withInitial(initial)(params), optimizer }, 0)),
        TE.map(() => beginning)
      )

/** What this rank restores: only the first one has found anything. A run that nothing is saved of begins with what is given. */
export const restore = (
  session: Session,
  found: O.Option<Found>,
  initial: ReadonlyArray<FloatTensor> = []
): TE.TaskEither<SessionError, RunProgress> =>
  pipe(
    found,
    O.match(
      () => begin(session, initial),
      ({ path, checkpoint: { progress, ...state } }) =>
        pipe(
          session.write(state, progress.step),
          TE.map((): RunProgress => ({
            step: progress.step,
            summary: progress.metrics,
            best: progress.best,
            checkpoint: { step: progress.step, path }
          }))
        )
    )
  )
