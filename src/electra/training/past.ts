/**
 * What a run is, between two steps, beyond the state in its session: where it begins, and how all ranks begin at the same.
 */

import { deserialize, serialize } from 'node:v8'
import { pipe } from 'fp-ts/lib/function.js'
import * as O from 'fp-ts/lib/Option.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Ranks, WorkerError } from '../../workers/index.js'
import { shareBytes, together } from '../../workers/ranks/ranks.js'
import { canonicalJson } from '../store/canonical-json.js'
import type { Found } from '../store/checkpoints/checkpoint.js'
import type { HeldOut, RunIdentity } from '../store/checkpoints/checkpoint-state.js'
import type { FloatTensor } from '../store/models/hf-tensors.js'
import { withInitial } from '../store/models/initial-weights.js'
import { emptyHistory, type History } from './history.js'
import type { NamedState, Session, SessionError } from './session.js'

export type Past = {
  readonly step: number
  readonly history: History
  readonly best: HeldOut | undefined
  /** The checkpoint that holds this very state. */
  readonly saved: string | undefined
}

export type Saved = Past & { readonly saved: string }

export const isSaved = (past: Past): past is Saved => past.saved !== undefined

const beginning: Past = { step: 0, history: emptyHistory, best: undefined, saved: undefined }

/** Puts given weights in the places of those that were drawn. */
const begin = (session: Session, initial: ReadonlyArray<FloatTensor>): TE.TaskEither<SessionError, Past> =>
  initial.length === 0
    ? TE.right(beginning)
    : pipe(
        TE.fromTask<NamedState, SessionError>(session.read),
        TE.chain(({ params, optimizer }) => session.write({ params: withInitial(initial)(params), optimizer })),
        TE.map(() => beginning)
      )

/** What this rank restores: only the first one has found anything. A run that has no past begins with what is given. */
export const restore = (
  session: Session,
  found: O.Option<Found>,
  initial: ReadonlyArray<FloatTensor> = []
): TE.TaskEither<SessionError, Past> =>
  pipe(
    found,
    O.match(
      () => begin(session, initial),
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

/** What rank 0 has, plain data, on every rank. */
export const shareFirst =
  (ranks: Ranks) =>
  <A>(data: A): TE.TaskEither<WorkerError, A> =>
    pipe(
      shareBytes(ranks)(serialize(data)),
      TE.map((bytes) => deserialize(bytes) as A)
    )

/** What ranks must have been given alike: otherwise they would train different models, or meet for different things. */
export type Common = RunIdentity & { readonly checkpointEvery: number }

export const checkCommon = (ranks: Ranks, common: Common): TE.TaskEither<WorkerError, void> => {
  const mine = canonicalJson({ ...common })
  return pipe(
    shareBytes(ranks)(new TextEncoder().encode(mine)),
    TE.chain((first) =>
      together(ranks)(
        new TextDecoder().decode(first) === mine
          ? TE.right(undefined)
          : TE.left<WorkerError>({
              _tag: 'RanksDiffer',
              what: 'the configuration, corpus, seed, number of steps or of steps between checkpoints'
            })
      )
    )
  )
}
