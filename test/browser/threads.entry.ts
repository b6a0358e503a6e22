/**
 * What the page of `threads.browser.test.ts` runs: the perceptron on pools of Web Workers, which may be lost by plan.
 */

import * as E from 'fp-ts/lib/Either.js'
import type { WorkerError } from '../../src/workers/error.js'
import type { Replaced } from '../../src/workers/pool/supervised-worker.js'
import { spawn } from '../../src/workers/pool/node/spawn.js'
import type { Ended } from '../../src/workers/pool/platform.js'
import { acquirePool, withPool, type Patience } from '../../src/workers/pool/threads.js'
import { train } from '../workers/train.js'
import type { Chaos, Death } from './misbehave.js'

const choice = { device: 'wasm', matmul: 'own', floats: 'float32' } as const

const module = (name: string): URL => new URL(`/${name}.js`, location.href)

export type Trained = {
  readonly answer: E.Either<WorkerError, ReadonlyArray<string>>
  readonly replaced: ReadonlyArray<Replaced>
  /** By program: how many of the planned deaths came to pass. */
  readonly deaths: ReadonlyArray<number>
  /** Threads that were started. */
  readonly started: number
  /** Locks of threads that were held when the pool had been released. */
  readonly alive: number
}

const counters = (): Int32Array => new Int32Array(new SharedArrayBuffer(4 * 64))

/** Sends the plan to every worker that this page starts, and ends those that ask for it. */
const withPlan = async <A>(chaos: Chaos, use: () => Promise<A>): Promise<readonly [A, number]> => {
  const { Worker: Original } = globalThis
  let started = 0
  globalThis.Worker = new Proxy(Original, {
    construct: (target, [url, options]: [URL, WorkerOptions]) => {
      const worker = new target(url, options)
      started++
      worker.postMessage({ chaos })
      worker.addEventListener('message', ({ data }) => {
        if (data === 'terminate') worker.terminate()
      })
      return worker
    }
  })
  const used = await use()
  globalThis.Worker = Original
  return [used, started]
}

const held = async (): Promise<number> => (await navigator.locks.query()).held?.length ?? NaN

const trainWith = async (
  workers: number,
  shards: number,
  plan: ReadonlyArray<Death>,
  patience: Partial<Patience>
): Promise<Trained> => {
  const chaos: Chaos = { plan, runs: counters(), deaths: counters() }
  const replaced: Array<Replaced> = []
  const onReplaced = (event: Replaced): void => void replaced.push(event)
  const pool = withPool({ workers, choice, entry: module('chaos'), patience, onReplaced })
  const [answer, started] = await withPlan(chaos, pool(train(shards)))
  return { answer, replaced, deaths: [...chaos.deaths], started, alive: await held() }
}

/** Ends a thread in the middle of a loop of WebAssembly: what it had counted at that moment, and a while after. */
const endSpinning = async (): Promise<{
  readonly hasEnded: boolean
  readonly told: ReadonlyArray<Ended>
  readonly counted: readonly [number, number]
}> => {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true })
  const count = new Int32Array(memory.buffer, 0, 1)
  const thread = spawn(module('spinning'))
  const told: Array<Ended> = []
  thread.onEnd((ended) => told.push(ended))
  thread.endpoint.postMessage(memory)
  while (Atomics.load(count, 0) === 0) await new Promise((resume) => setTimeout(resume))
  const hasEnded = await thread.end(60)()
  const first = Atomics.load(count, 0)
  for (let i = 0; i < 20; i++) await new Promise((resume) => setTimeout(resume))
  return { hasEnded, told, counted: [first, Atomics.load(count, 0)] }
}

/** What a page says that cannot have threads. */
const refusal = async (): Promise<unknown> => {
  const pool = await acquirePool({ workers: 1, choice })()
  return E.isLeft(pool) ? pool.left : 'a pool'
}

const api = { trainWith, endSpinning, refusal }

/** What the page's global scope offers to the test. */
export type PageApi = typeof api

Object.assign(globalThis, api)
