/**
 * What can go wrong when programs run on many threads, as one closed union. Text is made only by `showWorkerError`.
 */

import { showDeviceError, type DeviceError } from '../tensor/run/device.js'

export type WorkerError =
  /** The thread ended before it answered; `code` is its exit code. */
  | { readonly _tag: 'WorkerExited'; readonly worker: number; readonly code: number }
  /** Something was thrown in the thread, or a message to or from it could not be read. */
  | { readonly _tag: 'WorkerFailed'; readonly worker: number; readonly reason: string }
  | {
      readonly _tag: 'WrongWorkerCount'
      readonly found: number
      readonly expected: string
      readonly reason: string
    }
  /** A program that cannot be loaded, or does not fit the programs it is to be composed with. */
  | {
      readonly _tag: 'ProgramRejected'
      readonly program: string
      readonly found: string
      readonly expected: string
    }
  /** Arrays handed in from outside that are not those the programs ask for. */
  | { readonly _tag: 'WrongInputs'; readonly where: string; readonly found: string; readonly expected: string }
  /** The pool was used after its release. */
  | { readonly _tag: 'PoolReleased' }
  | DeviceError

export const showWorkerError = (e: WorkerError): string => {
  switch (e._tag) {
    case 'WorkerExited':
      return `worker ${e.worker} exited with code ${e.code} before it answered`
    case 'WorkerFailed':
      return `worker ${e.worker} failed: ${e.reason}`
    case 'WrongWorkerCount':
      return `found ${e.found} workers, expected ${e.expected}: ${e.reason}`
    case 'ProgramRejected':
      return `program ${e.program}: found ${e.found}, expected ${e.expected}`
    case 'WrongInputs':
      return `${e.where}: found ${e.found}, expected ${e.expected}`
    case 'PoolReleased':
      return 'the workers were released before this call'
    case 'DeviceUnavailable':
    case 'Unsupported':
    case 'WrongArrays':
    case 'DeviceFailed':
    case 'OutOfMemory':
      return showDeviceError(e)
  }
}
