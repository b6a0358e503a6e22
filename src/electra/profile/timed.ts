/**
 * One run of a program with each kernel timed: by the device's own clock where it has one, else by this process's.
 */

import * as E from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { DeviceError, Executable, Timing } from '../../tensor/index.js'
import type { ProgramArray } from '../../tensor/run/device.js'

/** Seconds of a whole run, and of each of its kernels. */
export type Timed = {
  readonly whole: number
  readonly kernels: ReadonlyArray<number>
  /** Whose clock timed the kernels. */
  readonly clock: Clock
}

export type Clock = 'device' | 'process'

/** A program with its arrays, which lie in the device's memory. `settled` is when all that was asked for is done. */
export type Placed = {
  readonly executable: Pick<Executable<Timing>, 'run'>
  readonly inputs: ReadonlyArray<ProgramArray>
  readonly outputs: ReadonlyArray<ProgramArray>
  readonly settled: TaskEither<DeviceError, unknown>
}

/** The seconds of a run that nobody watches. */
const wholeOf =
  ({ executable, inputs, outputs, settled }: Placed): TaskEither<DeviceError, number> =>
  async () => {
    const start = performance.now()
    const ran = await executable.run(inputs, outputs)()
    if (E.isLeft(ran)) return ran
    const done = await settled()
    return E.isLeft(done) ? done : E.right((performance.now() - start) / 1000)
  }

/**
 * By this process's clock nothing tells the first kernel from finding every array before it, which takes longer where arrays are many: its
 * time is 0 here, and in the whole only. A device that keeps time itself does so at a cost: the whole is then that of a second run.
 */
export const timed =
  (placed: Placed): TaskEither<DeviceError, Timed> =>
  async () => {
    const { executable, inputs, outputs } = placed
    const done: Array<number> = []
    const own: Array<number> = []
    const start = performance.now()
    const ran = await executable.run(inputs, outputs, (_, seconds) => {
      done.push(performance.now())
      if (seconds !== undefined) own.push(seconds)
    })()
    const whole = (performance.now() - start) / 1000
    if (E.isLeft(ran)) return ran
    if (own.length < done.length || done.length === 0) {
      const kernels = done.map((at, k) => (k === 0 ? 0 : at - done[k - 1]) / 1000)
      return E.right({ whole, kernels, clock: 'process' })
    }
    const unwatched = await wholeOf(placed)()
    return E.map((seconds: number): Timed => ({ whole: seconds, kernels: own, clock: 'device' }))(unwatched)
  }
