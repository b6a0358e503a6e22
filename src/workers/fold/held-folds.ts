/**
 * Makers of folds that hold what they make them on, and release it in the end.
 */

import { pipe } from 'fp-ts/lib/function.js'
import type { Task } from 'fp-ts/lib/Task.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { WorkerError } from '../error.js'
import { acquirePool, type PoolOptions } from '../pool/threads.js'
import { solo } from '../ranks/ranks.js'
import type { FoldMaker } from './fold.js'
import { pooledFold } from './pooled-fold.js'
import type { Execution } from './shard-plan.js'

/** On what steps are computed. */
export type Where = {
  readonly device: string
  readonly multiplier: string
  /** Of each rank. */
  readonly workers: number
  readonly ranks: number
  /** Whether the bits of the device's own products may depend on the machine. */
  readonly relaxedSimd: boolean
}

export type HeldFolds = FoldMaker & { readonly where: Where; readonly release: Task<void> }

/** Acquires a pool, to make folds on it. */
export const acquireFolds = (options: PoolOptions, execution: Execution = {}): TE.TaskEither<WorkerError, HeldFolds> =>
  pipe(
    acquirePool(options),
    TE.map((pool) => ({
      ...pooledFold(pool, execution),
      where: {
        device: pool.device.name,
        multiplier: pool.device.multiplier,
        workers: pool.workers,
        ranks: (execution.ranks ?? solo).ranks,
        relaxedSimd: options.choice.relaxed === true
      },
      release: pool.release
    }))
  )

/** Acquires a pool, uses folds on it, and releases it, whether what they were used for succeeded or not. */
export const withFolds =
  (options: PoolOptions, execution: Execution = {}) =>
  <E, A>(use: (folds: FoldMaker) => TE.TaskEither<E, A>): TE.TaskEither<E | WorkerError, A> =>
    TE.bracketW(acquireFolds(options, execution), use, ({ release }) => TE.fromTask(release))
