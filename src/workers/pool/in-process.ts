/**
 * A pool of one worker that is this very thread: for asynchronous devices, tests and small runs.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { HostDevice } from '../../tensor/run/device.js'
import { reasonOf } from '../../tensor/reason.js'
import type { WorkerError } from '../error.js'
import { poolOf, type Pool } from './pool.js'
import { factsOf, runnerOf } from './runner.js'

/** A defect thrown by a device is reported as a thread would report it. */
const guarded =
  <A>(work: TE.TaskEither<WorkerError, A>): TE.TaskEither<WorkerError, A> =>
  async () => {
    try {
      return await work()
    } catch (thrown) {
      return E.left({ _tag: 'WorkerFailed', worker: 0, reason: reasonOf(thrown) })
    }
  }

/**
 * Runs programs on `device` in the calling thread, in the device's memory. The device becomes the pool's: its release
 * releases it.
 *
 * A synchronous device keeps the thread busy from one end of a run to the other; signals and timers wait for it.
 */
export const inProcess = (device: HostDevice): Pool => {
  const runner = runnerOf(device)
  return poolOf(
    [
      {
        load: (id, program) => guarded(TE.fromIOEither(runner.load(id, program))),
        run: (tasks) =>
          guarded(
            pipe(
              tasks,
              TE.traverseSeqArray(runner.run),
              TE.map(() => undefined)
            )
          ),
        lost: new Promise(() => undefined),
        release: device.release
      }
    ],
    factsOf(device),
    device.memory
  )
}
