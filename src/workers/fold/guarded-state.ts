/**
 * Work on a state in order, and only while it is one: an update that tears it is remembered until a state is written.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { inOrder } from '../../tensor/in-order.js'
import type { WorkerError } from '../error.js'

type Guard = <A>(work: TE.TaskEither<WorkerError, A>) => TE.TaskEither<WorkerError, A>

export type GuardedState = {
  /** What needs the state, while it is one. */
  readonly whole: Guard
  /** What replaces some of it, within such work. */
  readonly replacing: Guard
  /** What writes all of it, torn or not. */
  readonly mending: Guard
}

export const guardedState = (): GuardedState => {
  const gate = inOrder()
  let torn: WorkerError | undefined
  return {
    whole: (work) => gate(async () => (torn === undefined ? work() : E.left(torn))),
    replacing: TE.mapLeft((e) => {
      if (e._tag === 'StateTorn') torn = e
      return e
    }),
    mending: (work) =>
      gate(
        pipe(
          work,
          TE.map((written) => {
            torn = undefined
            return written
          })
        )
      )
  }
}
