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
    const told: Array<{ readonly kernel: number; readonly at: number; readonly seconds: number | undefined }> = []
    const start = performance.now()
    const ran = await executable.run(inputs, outputs, (kernel, seconds) => {
      told.push({ kernel, at: performance.now(), seconds })
    })()
    const whole = (performance.now() - start) / 1000
    if (E.isLeft(ran)) return ran
    const sums = (secondsOf: (i: number) => number): ReadonlyArray<number> => {
      const kernels: Array<number> = []
      told.forEach(({ kernel }, i) => (kernels[kernel] = (kernels[kernel] ?? 0) + secondsOf(i)))
      return kernels
    }
    const own = told.flatMap(({ seconds }) => seconds ?? [])
    if (own.length < told.length || told.length === 0)
      return E.right({
        whole,
        kernels: sums((i) => (i === 0 ? 0 : (told[i].at - told[i - 1].at) / 1000)),
        clock: 'process'
      })
    const unwatched = await wholeOf(placed)()
    return E.map((seconds: number): Timed => ({ whole: seconds, kernels: sums((i) => own[i]), clock: 'device' }))(
      unwatched
    )
  }
