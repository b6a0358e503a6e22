/**
 * Makers of folds that hold what they make them on, and release it in the end.
 */

import { pipe } from 'fp-ts/lib/function.js'
import type { Task } from 'fp-ts/lib/Task.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { WorkerError } from '../error.js'
import { acquire, type DeviceChoice } from '../../tensor/run/choose.js'
import type { Precision } from '../../tensor/run/device-choice.js'
import { residentFold } from './resident-fold.js'
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
  /** What the device holds and multiplies in: float32, where not given. */
  readonly precision?: Precision
}

export type HeldFolds = FoldMaker & { readonly where: Where; readonly release: Task<void> }

const onDevice = (choice: DeviceChoice): TE.TaskEither<WorkerError, HeldFolds> =>
  pipe(
    acquire(choice),
    TE.map((device) => ({
      ...residentFold(device),
      where: {
        device: device.name,
        multiplier: device.multiplier,
        workers: 1,
        ranks: 1,
        relaxedSimd: false,
        ...(choice.precision === 'mixed' ? { precision: choice.precision } : {})
      },
      release: device.release
    }))
  )

const onPool = (options: PoolOptions, execution: Execution): TE.TaskEither<WorkerError, HeldFolds> =>
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

/** Acquires a GPU, or a pool of threads, to make folds on it. A GPU is one process's alone: it has one worker, and no other ranks. */
export const acquireFolds = (
  options: PoolOptions,
  execution: Execution = {}
): TE.TaskEither<WorkerError, HeldFolds> => {
  const { choice, workers } = options
  if (choice.device !== 'webgpu') return onPool(options, execution)
  const { ranks } = execution.ranks ?? solo
  return workers === 1 && ranks === 1
    ? onDevice(choice)
    : TE.left({
        _tag: 'WrongWorkerCount',
        found: workers * ranks,
        expected: '1',
        reason: 'a step on webgpu is computed by one GPU, which one process drives'
      })
}

/** Acquires a pool, uses folds on it, and releases it, whether what they were used for succeeded or not. */
export const withFolds =
  (options: PoolOptions, execution: Execution = {}) =>
  <E, A>(use: (folds: FoldMaker) => TE.TaskEither<E, A>): TE.TaskEither<E | WorkerError, A> =>
    TE.bracketW(acquireFolds(options, execution), use, ({ release }) => TE.fromTask(release))
