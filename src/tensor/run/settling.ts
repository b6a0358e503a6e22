/** What a device is asked for, as a task, whichever its timing. */

import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { DeviceError, Running, Timing } from './device.js'

export const settling =
  <Args extends ReadonlyArray<unknown>, A>(ask: (...args: Args) => Running<Timing, DeviceError, A>) =>
  (...args: Args): TaskEither<DeviceError, A> =>
  async () =>
    ask(...args)()
