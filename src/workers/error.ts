/**
 * What can go wrong when programs run on many threads, as one closed union. Text is made only by `showWorkerError`.
 */

import { showDeviceError, type DeviceError } from '../tensor/run/device.js'

/** How a worker is lost. What it had not finished can be done again by another. */
export type Loss =
  /** The thread ended before it answered; `code` is its exit code, which threads of browsers do not have. */
  | { readonly _tag: 'WorkerExited'; readonly worker: number; readonly code: number | undefined }
  /** Something was thrown in the thread, or a message to or from it could not be read. */
  | { readonly _tag: 'WorkerFailed'; readonly worker: number; readonly reason: string }
  /** The thread had not answered by its deadline. */
  | { readonly _tag: 'WorkerOverdue'; readonly worker: number; readonly seconds: number }

export type WorkerError =
  | Loss
  /** The same work has cost `attempts` threads, the last of them by `cause`. */
  | { readonly _tag: 'TaskFailed'; readonly worker: number; readonly attempts: number; readonly cause: Loss }
  /**
   * A thread that was lost has not ended within `seconds`: it is in native code, which nothing can stop. What it may still
   * write to cannot be given to another, so its pool is at an end. Node.js waits for it when the process exits.
   */
  | { readonly _tag: 'WorkerStuck'; readonly worker: number; readonly seconds: number }
  /** Threads that share memory cannot be had here. */
  | { readonly _tag: 'NoThreads'; readonly found: string; readonly expected: string }
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
  /** An update that had begun could not be finished: some of the state has been replaced, and some has not. */
  | { readonly _tag: 'StateTorn'; readonly cause: WorkerError }
  /** The pool was used after its release. */
  | { readonly _tag: 'PoolReleased' }
  /** The shards of a batch cannot be divided evenly among the ranks. */
  | { readonly _tag: 'WrongRankCount'; readonly found: number; readonly shards: number }
  /** What has to be the same on every rank is another on this one than on rank 0. */
  | { readonly _tag: 'RanksDiffer'; readonly what: string }
  /** The process is one of several, and there is no MPI to reach the others by. */
  | { readonly _tag: 'MpiUnavailable'; readonly reason: string }
  /** A call to MPI has failed: for what it does together with other ranks there is no second try. */
  | { readonly _tag: 'MpiFailed'; readonly call: string; readonly reason: string }
  /** Another rank could not go on, and says why. */
  | { readonly _tag: 'FailedElsewhere'; readonly rank: number }
  | DeviceError

export const isLoss = (e: WorkerError): e is Loss =>
  e._tag === 'WorkerExited' || e._tag === 'WorkerFailed' || e._tag === 'WorkerOverdue'

export const showWorkerError = (e: WorkerError): string => {
  switch (e._tag) {
    case 'WorkerExited':
      return `worker ${e.worker} exited ${e.code === undefined ? '' : `with code ${e.code} `}before it answered`
    case 'WorkerFailed':
      return `worker ${e.worker} failed: ${e.reason}`
    case 'WorkerOverdue':
      return `worker ${e.worker} had not answered after ${e.seconds} s`
    case 'TaskFailed':
      return `given up after attempt ${e.attempts} of ${e.attempts}: ${showWorkerError(e.cause)}`
    case 'WorkerStuck':
      return `worker ${e.worker} could not be stopped within ${e.seconds} s: its thread is stuck in native code`
    case 'NoThreads':
      return `threads that share memory need ${e.expected}; found ${e.found}`
    case 'WrongWorkerCount':
      return `found ${e.found} workers, expected ${e.expected}: ${e.reason}`
    case 'ProgramRejected':
      return `program ${e.program}: found ${e.found}, expected ${e.expected}`
    case 'WrongInputs':
      return `${e.where}: found ${e.found}, expected ${e.expected}`
    case 'StateTorn':
      return `an update that had begun could not be finished: ${showWorkerError(e.cause)}`
    case 'PoolReleased':
      return 'the workers were released before this call'
    case 'WrongRankCount':
      return `found ${e.found} ranks, expected a number that divides the ${e.shards} shards of a batch`
    case 'RanksDiffer':
      return `${e.what} is not that of rank 0`
    case 'MpiUnavailable':
      return `MPI is not available: ${e.reason}`
    case 'MpiFailed':
      return `${e.call}: ${e.reason}`
    case 'FailedElsewhere':
      return `rank ${e.rank} has failed`
    case 'DeviceUnavailable':
    case 'Unsupported':
    case 'WrongArrays':
    case 'DeviceFailed':
    case 'OutOfMemory':
      return showDeviceError(e)
  }
}
