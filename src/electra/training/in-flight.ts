/**
 * Work in flight: begun in order, so much of it at a time, each only from what the work before it has come to.
 */

import * as E from 'fp-ts/lib/Either.js'
import type { IO } from 'fp-ts/lib/IO.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { inOrder, type InOrder } from '../../tensor/in-order.js'

export type InFlight<Err> = {
  /**
   * Begins work when no more than `beside` of what was asked for before it is unsettled, and settles as what it began does. `begin`
   * succeeds with the rest of the work. Where it has to wait for work that fails, it does not begin, and fails with that.
   */
  readonly begun: <A>(beside: IO<number>, begin: TaskEither<Err, TaskEither<Err, A>>) => TaskEither<Err, A>
  /** What is done when all that was asked for before it has begun; nothing begins meanwhile. */
  readonly inTurn: InOrder
}

type Outcome<Err> = Promise<E.Either<Err, unknown>>

export const inFlight = <Err>(): InFlight<Err> => {
  const gate = inOrder()
  /** What has been asked for and has not settled, the oldest first. */
  let ahead: ReadonlyArray<Outcome<Err>> = []
  const unsettled = (outcome: Outcome<Err>): void => {
    ahead = [...ahead, outcome]
    const settle = (): void => {
      ahead = ahead.filter((other) => other !== outcome)
    }
    void outcome.then(settle, settle)
  }
  return {
    begun: (beside, begin) => () => {
      // As they are now: what fails while this waits for its turn must not be passed over.
      const before = ahead
      const beginning = gate(async () => {
        const awaited = await Promise.all(before.slice(0, Math.max(0, before.length - beside())))
        const failed = awaited.find(E.isLeft)
        return failed ?? begin()
      })()
      const outcome = beginning.then((began) => (E.isLeft(began) ? began : began.right()))
      unsettled(outcome)
      return outcome
    },
    inTurn: gate
  }
}
