/**
 * The processes that share one computation, and what each can do together with all others.
 *
 * Every rank calls the same operations in the same order, with arrays of the same kinds and lengths. What one of them cannot
 * do alone, nobody does: a rank that does not come is waited for until it `abort`s or is ended, which ends all.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type { IO } from 'fp-ts/lib/IO.js'
import type { Task } from 'fp-ts/lib/Task.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Data } from '../../tensor/dtype.js'
import type { WorkerError } from '../error.js'

/** Operations may overlap. Until one settles its arrays belong to it. */
export type Ranks = {
  /** Which of them this is, counted from 0. */
  readonly rank: number
  /** How many there are. */
  readonly ranks: number
  /**
   * Replaces each array by its sum over the ranks. Floats are added in an order that depends on the number of ranks and on
   * the array's length only, and all ranks get the same bits; integers wrap.
   */
  readonly sum: (arrays: ReadonlyArray<Data>) => TE.TaskEither<WorkerError, void>
  /** Begins with such a sum, which goes on beside other work; what it gives waits for it. */
  readonly beginSum: (arrays: ReadonlyArray<Data>) => IO<TE.TaskEither<WorkerError, void>>
  /** Replaces each array by that of rank 0. */
  readonly broadcast: (arrays: ReadonlyArray<Data>) => TE.TaskEither<WorkerError, void>
  /** Ends all ranks at once, each with this exit code where they are processes. */
  readonly abort: (code: number) => IO<void>
  /** Leaves in order, when all others do. */
  readonly release: Task<void>
}

/** One rank alone: a sum over it is what it has. */
export const solo: Ranks = {
  rank: 0,
  ranks: 1,
  sum: () => TE.right(undefined),
  beginSum: () => () => TE.right(undefined),
  broadcast: () => TE.right(undefined),
  abort: () => () => undefined,
  release: () => Promise.resolve()
}

/** Of each rank whether it raised its flag, the same answer on all. */
const raised =
  (ranks: Ranks) =>
  (flag: boolean): TE.TaskEither<WorkerError, ReadonlyArray<boolean>> => {
    const flags = new Int32Array(ranks.ranks)
    flags[ranks.rank] = flag ? 1 : 0
    return pipe(
      ranks.sum([flags]),
      TE.map(() => Array.from(flags, (n) => n > 0))
    )
  }

/** Whether any rank says so. */
export const anyRank =
  (ranks: Ranks) =>
  (flag: boolean): TE.TaskEither<WorkerError, boolean> =>
    pipe(
      raised(ranks)(flag),
      TE.map((flags) => flags.includes(true))
    )

/**
 * What each rank does by itself, succeeding on all or on none. The first rank that fails has its own error, and all others
 * have `FailedElsewhere`. `own` does nothing together with other ranks.
 */
export const together =
  (ranks: Ranks) =>
  <E, A>(own: TE.TaskEither<E, A>): TE.TaskEither<E | WorkerError, A> =>
  async () => {
    const done = await own()
    const flags = await raised(ranks)(E.isLeft(done))()
    if (E.isLeft(flags)) return flags
    const first = flags.right.indexOf(true)
    return first < 0 || first === ranks.rank ? done : E.left({ _tag: 'FailedElsewhere', rank: first })
  }

/** The bytes that rank 0 has, on every rank. */
export const shareBytes =
  (ranks: Ranks) =>
  (bytes: Uint8Array): TE.TaskEither<WorkerError, Uint8Array> => {
    const length = Int32Array.of(bytes.length)
    return pipe(
      ranks.broadcast([length]),
      TE.chain(() => {
        const shared = ranks.rank === 0 ? Uint8Array.from(bytes) : new Uint8Array(length[0])
        return pipe(
          ranks.broadcast([shared]),
          TE.map(() => shared)
        )
      })
    )
  }
