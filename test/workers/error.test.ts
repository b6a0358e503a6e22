import { describe, expect, it } from 'vitest'
import { showWorkerError, type WorkerError } from '../../src/workers/error.js'

/** One of each tag: the record is total, so that a new tag must be shown here too. */
const texts: { readonly [Tag in WorkerError['_tag']]: readonly [Extract<WorkerError, { _tag: Tag }>, string] } = {
  WorkerExited: [{ _tag: 'WorkerExited', worker: 1, code: 9 }, 'worker 1 exited with code 9 before it answered'],
  WorkerFailed: [{ _tag: 'WorkerFailed', worker: 0, reason: 'no' }, 'worker 0 failed: no'],
  WorkerOverdue: [{ _tag: 'WorkerOverdue', worker: 2, seconds: 600 }, 'worker 2 had not answered after 600 s'],
  TaskFailed: [
    { _tag: 'TaskFailed', worker: 1, attempts: 3, cause: { _tag: 'WorkerExited', worker: 1, code: 9 } },
    'given up after attempt 3 of 3: worker 1 exited with code 9 before it answered'
  ],
  WorkerStuck: [
    { _tag: 'WorkerStuck', worker: 1, seconds: 30 },
    'worker 1 could not be stopped within 30 s: its thread is stuck in native code'
  ],
  NoThreads: [
    { _tag: 'NoThreads', found: 'a plain page', expected: 'an isolated one' },
    'threads that share memory need an isolated one; found a plain page'
  ],
  WrongWorkerCount: [
    { _tag: 'WrongWorkerCount', found: 2, expected: '1', reason: 'one GPU' },
    'found 2 workers, expected 1: one GPU'
  ],
  ProgramRejected: [
    { _tag: 'ProgramRejected', program: 'update', found: '3 inputs', expected: '4' },
    'program update: found 3 inputs, expected 4'
  ],
  WrongInputs: [
    { _tag: 'WrongInputs', where: 'state', found: '2 arrays', expected: '5' },
    'state: found 2 arrays, expected 5'
  ],
  StateTorn: [
    { _tag: 'StateTorn', cause: { _tag: 'WorkerOverdue', worker: 1, seconds: 5 } },
    'an update that had begun could not be finished: worker 1 had not answered after 5 s'
  ],
  PoolReleased: [{ _tag: 'PoolReleased' }, 'the workers were released before this call'],
  WrongRankCount: [
    { _tag: 'WrongRankCount', found: 3, shards: 4 },
    'found 3 ranks, expected a number that divides the 4 shards of a batch'
  ],
  RanksDiffer: [{ _tag: 'RanksDiffer', what: 'the state' }, 'the state is not that of rank 0'],
  MpiUnavailable: [{ _tag: 'MpiUnavailable', reason: 'none' }, 'MPI is not available: none'],
  MpiFailed: [{ _tag: 'MpiFailed', call: 'MPI_Bcast', reason: 'no' }, 'MPI_Bcast: no'],
  FailedElsewhere: [{ _tag: 'FailedElsewhere', rank: 2 }, 'rank 2 has failed'],
  DeviceUnavailable: [
    { _tag: 'DeviceUnavailable', wanted: 'x', reason: 'none', available: ['wasm'] },
    'x is not available: none. Available here: wasm'
  ],
  Unsupported: [{ _tag: 'Unsupported', device: 'wasm', found: 'a', expected: 'b' }, 'wasm: found a, expected b'],
  WrongArrays: [{ _tag: 'WrongArrays', device: 'wasm', found: 'a', expected: 'b' }, 'wasm: found a, expected b'],
  DeviceFailed: [{ _tag: 'DeviceFailed', device: 'wasm', reason: 'lost' }, 'wasm: lost'],
  OutOfMemory: [
    { _tag: 'OutOfMemory', wanted: 1_234_567, inUse: 64_000, limit: 64 },
    'memory: 1.2 MB wanted with 64.0 kB in use, of 64 bytes at most'
  ]
}

describe('the text of a worker error', () => {
  it.each(Object.values(texts))('$_tag says what was found and what was expected', (error, text) => {
    expect(showWorkerError(error)).toBe(text)
  })

  it('has no exit code where the thread had none', () => {
    expect(showWorkerError({ _tag: 'WorkerExited', worker: 1, code: undefined })).toBe(
      'worker 1 exited before it answered'
    )
  })
})
