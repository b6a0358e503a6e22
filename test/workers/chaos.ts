/**
 * Pools whose threads are lost by plan.
 */

import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { setEnvironmentData, type Worker } from 'node:worker_threads'
import type * as E from 'fp-ts/lib/Either.js'
import type * as TE from 'fp-ts/lib/TaskEither.js'
import type { WorkerError } from '../../src/workers/error.js'
import type { Replaced } from '../../src/workers/pool/supervised-worker.js'
import type { Pool } from '../../src/workers/pool/pool.js'
import { withPool, type PoolOptions } from '../../src/workers/pool/threads.js'
import { built } from '../built.js'

export type Way = 'exit' | 'throw' | 'reject' | 'hang' | 'terminate' | 'native' | 'interrupt'

/**
 * How the thread is lost that runs program number `program` for the `run`-th time in all, counted from 0: at its beginning, or
 * when so many groups of its outputs are finished.
 */
export type Death = { readonly program: number; readonly run: number; readonly way: Way; readonly groups?: number }

export const chaosEntry = new URL('./entries/chaos.mjs', import.meta.url)

const programs = 64

const counters = (): Int32Array => new Int32Array(new SharedArrayBuffer(4 * programs))

export type Chaos<A> = {
  readonly answer: E.Either<WorkerError, A>
  readonly replaced: ReadonlyArray<Replaced>
  /** By program: how many of the planned deaths came to pass. */
  readonly deaths: ReadonlyArray<number>
  /** Threads that were started, and how many of them had not ended when the pool was released. */
  readonly started: number
  readonly alive: number
}

/** Lets threads that are stuck at the pipe go, so that they end. */
const releaseAll = async (fifo: string, stuck: ReadonlyArray<Worker>): Promise<void> => {
  const ended = stuck.map((worker) => once(worker, 'exit'))
  await writeFile(fifo, '')
  await Promise.all(ended)
}

/** Uses a pool whose threads are lost as planned. One at a time: the plan is data of this whole thread. */
export const withChaos =
  (options: Omit<PoolOptions, 'entry' | 'onReplaced'>, plan: ReadonlyArray<Death>) =>
  async <A>(use: (pool: Pool) => TE.TaskEither<WorkerError, A>): Promise<Chaos<A>> => {
    const deaths = counters()
    const replaced: Array<Replaced> = []
    const workers: Array<Worker> = []
    const onWorker = (worker: Worker): void => {
      workers.push(worker)
      worker.on('message', (message) => {
        if (message === 'terminate') void worker.terminate()
      })
    }
    process.on('worker', onWorker)
    const directory = await mkdtemp(join(tmpdir(), 'pure-electra-chaos-'))
    const fifo = join(directory, 'fifo')
    await promisify(execFile)('mkfifo', [fifo])
    setEnvironmentData('chaos', {
      fifo,
      thread: built('workers/pool/thread.js').href,
      plan,
      runs: counters(),
      deaths
    })
    const answer = await withPool({ ...options, entry: chaosEntry, onReplaced: (event) => replaced.push(event) })(use)()
    process.off('worker', onWorker)
    const alive = workers.filter(({ threadId }) => threadId !== -1)
    if (alive.length > 0) await releaseAll(fifo, alive)
    await rm(directory, { recursive: true })
    return {
      answer,
      replaced,
      deaths: [...deaths],
      started: workers.length,
      alive: alive.length
    }
  }
