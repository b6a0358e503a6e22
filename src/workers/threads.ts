/**
 * A pool of worker threads, each with a device of its own, on one memory.
 */

import { wrap } from 'comlink'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as IOE from 'fp-ts/lib/IOEither.js'
import * as RA from 'fp-ts/lib/ReadonlyArray.js'
import * as T from 'fp-ts/lib/Task.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { serialise } from '../tensor/program/serialise.js'
import { acquire, type DeviceChoice } from '../tensor/run/choose.js'
import { createMemory, type Memory } from '../tensor/run/memory.js'
import { reasonOf } from '../tensor/reason.js'
import type { WorkerError } from './error.js'
import { inProcess } from './in-process.js'
import { spawn, type Ended, type Thread } from './node.js'
import { poolOf, type Member, type Pool } from './pool.js'
import type { ThreadApi } from './protocol.js'
import type { DeviceFacts } from './runner.js'

export type PoolOptions = {
  readonly workers: number
  readonly choice: DeviceChoice
  /** The module that threads start at, when it is not the built `thread.js` beside this one. */
  readonly entry?: URL
}

const ending =
  (worker: number) =>
  (ended: Ended): WorkerError => {
    switch (ended._tag) {
      case 'Exited':
        return { _tag: 'WorkerExited', worker, code: ended.code }
      case 'Threw':
        return { _tag: 'WorkerFailed', worker, reason: ended.reason }
    }
  }

/** One call over the wire. A dead thread never answers, so the call ends with the thread if not before. */
const call =
  <A>(worker: number, thread: Thread, ask: () => Promise<E.Either<WorkerError, A>>): TE.TaskEither<WorkerError, A> =>
  () =>
    new Promise((settle) => {
      const stopWaiting = thread.onEnd((ended) => settle(E.left(ending(worker)(ended))))
      void ask()
        .catch((thrown: unknown) => E.left<WorkerError>({ _tag: 'WorkerFailed', worker, reason: reasonOf(thrown) }))
        .then(settle)
        .finally(stopWaiting)
    })

type Opened = { readonly member: Member; readonly facts: DeviceFacts }

/** Starts one thread and has it acquire its device in the memory; ends it where it cannot. */
const openThread =
  (choice: DeviceChoice, entry: URL, { wasm }: Memory) =>
  (worker: number): TE.TaskEither<WorkerError, Opened> =>
    pipe(
      TE.fromEither(
        E.tryCatch(
          () => spawn(entry),
          (thrown): WorkerError => ({ _tag: 'WorkerFailed', worker, reason: reasonOf(thrown) })
        )
      ),
      TE.chain((thread) => {
        const remote = wrap<ThreadApi>(thread.endpoint)
        const member: Member = {
          load: (id, program) => call(worker, thread, () => remote.load(id, serialise(program))),
          run: (task) => call(worker, thread, () => remote.run(task)),
          lost: new Promise((settle) => thread.onEnd((ended) => settle(ending(worker)(ended)))),
          release: thread.terminate
        }
        return pipe(
          call(worker, thread, () => remote.open(choice, wasm)),
          TE.map((facts) => ({ member, facts })),
          TE.orElseFirstTaskK(() => thread.terminate)
        )
      })
    )

/** All threads or none: where one cannot be had the others are ended. */
const openThreads = (
  workers: number,
  choice: DeviceChoice,
  entry: URL,
  memory: Memory
): TE.TaskEither<WorkerError, Pool> =>
  pipe(
    RA.makeBy(workers, openThread(choice, entry, memory)),
    T.sequenceArray,
    T.map(RA.separate),
    T.chain(({ left: errors, right: opened }) =>
      errors.length === 0
        ? TE.right(
            poolOf(
              opened.map(({ member }) => member),
              opened[0].facts,
              IOE.right(memory)
            )
          )
        : pipe(
            opened,
            T.traverseArray(({ member }) => member.release),
            T.map(() => E.left(errors[0]))
          )
    )
  )

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
 * `WrongWorkerCount`, a `DeviceError` (among them `OutOfMemory`), or the end of a thread; threads that had started are then ended.
 */
export const acquirePool = ({
  workers,
  choice,
  entry = new URL('./thread.js', import.meta.url)
}: PoolOptions): TE.TaskEither<WorkerError, Pool> =>
  Number.isSafeInteger(workers) && workers >= 1
    ? pipe(
        acquire(choice),
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
                  TE.fromEither<WorkerError, Memory>(createMemory()),
                  TE.chain((memory) => openThreads(workers, choice, entry, memory))
                )
          return pipe(
            TE.fromTask(device.release),
            TE.chain(() => next)
          )
        })
      )
    : TE.left(wrongCount(workers, 'a positive integer', 'a pool has at least one'))

/** Acquires a pool, uses it, and releases it, whether what it was used for succeeded or not. */
export const withPool =
  (options: PoolOptions) =>
  <E, A>(use: (pool: Pool) => TE.TaskEither<E, A>): TE.TaskEither<E | WorkerError, A> =>
    TE.bracketW(acquirePool(options), use, (pool) => TE.fromTask(pool.release))
