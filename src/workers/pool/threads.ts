/**
 * A pool of worker threads, each with a device of its own, on one memory.
 *
 * A thread that ends, throws or hangs is replaced, and what it had not finished is done again: the results are the same bits.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as IOE from 'fp-ts/lib/IOEither.js'
import * as RA from 'fp-ts/lib/ReadonlyArray.js'
import * as T from 'fp-ts/lib/Task.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { acquireHost, type DeviceChoice } from '../../tensor/run/choose.js'
import { createMemory, type Memory } from '../../tensor/run/memory/memory.js'
import type { WorkerError } from '../error.js'
import { inProcess } from './in-process.js'
import { superviseWorker, type Replaced } from './supervised-worker.js'
import { threadsHere } from './node/spawn.js'
import { startWorkerThread, type Deadlines, type WorkerThreadOptions } from './worker-thread.js'
import { poolOf, type Pool } from './pool.js'
import { factsOf } from './runner.js'

/** How long to wait for a thread, and how many may be lost at the same work before it is given up. */
export type Patience = Deadlines & { readonly attempts: number }

export type PoolOptions = {
  readonly workers: number
  readonly choice: DeviceChoice
  /** Bytes of the memory that they share, at most: 4 GiB unless it is less. */
  readonly memoryLimit?: number
  /** The module that threads start at, when it is not the built `thread.js`. */
  readonly entry?: URL
  /** Where it differs from `defaultPatience`. */
  readonly patience?: Partial<Patience>
  /** Told of every thread that took the place of a lost one, once it is ready to work. */
  readonly onReplaced?: (replaced: Replaced) => void
}

export const defaultPatience: Patience = { taskSeconds: 3600, loadSeconds: 600, endSeconds: 30, attempts: 3 }

/** All threads or none: where one cannot be had the others are ended. */
const openThreads = (
  { workers, patience, onReplaced = () => undefined }: PoolOptions,
  options: Omit<WorkerThreadOptions, 'deadlines'>
): TE.TaskEither<WorkerError, Pool> => {
  const { attempts, ...deadlines } = { ...defaultPatience, ...patience }
  const { memory, device } = options
  const start = startWorkerThread({ ...options, deadlines })
  const members = RA.makeBy(workers, (worker) =>
    superviseWorker({ worker, start: start(worker), memory, attempts, onReplaced })
  )
  return pipe(
    members,
    T.traverseArray(({ open }) => open),
    T.map(RA.separate),
    T.chain(({ left: errors }) =>
      errors.length === 0
        ? TE.right(poolOf(members, device, IOE.right(memory)))
        : pipe(
            members,
            T.traverseArray(({ release }) => release),
            T.map(() => E.left(errors[0]))
          )
    )
  )
}

const wrongCount = (found: number, expected: string, reason: string): WorkerError => ({
  _tag: 'WrongWorkerCount',
  found,
  expected,
  reason
})

/**
 * Starts `workers` threads, each of which acquires the chosen device for itself.
 *
 * The device is first acquired here, to see that it can be had and whether it is synchronous. An asynchronous one (any
 * with gpu.js or WebGPU in it) drives hardware of which there is one, so it has one worker, this thread. Fails with
 * `WrongWorkerCount`, with `NoThreads`, with a `DeviceError` (among them `OutOfMemory`), or the end of a thread; threads that had
 * started are then ended.
 */
export const acquirePool = (options: PoolOptions): TE.TaskEither<WorkerError, Pool> => {
  const { workers, choice, entry, memoryLimit } = options
  return Number.isSafeInteger(workers) && workers >= 1
    ? pipe(
        acquireHost(choice),
        TE.chain((device): TE.TaskEither<WorkerError, Pool> => {
          if (device.timing === 'async' && workers === 1) return TE.right(inProcess(device))
          const next =
            device.timing === 'async'
              ? TE.left(
                  wrongCount(
                    workers,
                    '1',
                    `${device.name} with ${device.multiplier} is asynchronous and runs in this thread only`
                  )
                )
              : pipe(
                  TE.fromIOEither(threadsHere(workers)),
                  TE.chainEitherK((): E.Either<WorkerError, Memory> => createMemory({ limit: memoryLimit })),
                  TE.chain((memory) => openThreads(options, { entry, choice, device: factsOf(device), memory }))
                )
          return pipe(
            TE.fromTask(device.release),
            TE.chain(() => next)
          )
        })
      )
    : TE.left(wrongCount(workers, 'a positive integer', 'a pool has at least one'))
}

/** Acquires a pool, uses it, and releases it, whether what it was used for succeeded or not. */
export const withPool =
  (options: PoolOptions) =>
  <E, A>(use: (pool: Pool) => TE.TaskEither<E, A>): TE.TaskEither<E | WorkerError, A> =>
    TE.bracketW(acquirePool(options), use, (pool) => TE.fromTask(pool.release))
