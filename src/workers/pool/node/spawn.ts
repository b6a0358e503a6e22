/** Threads of Node.js. */

import { Worker } from 'node:worker_threads'
import * as E from 'fp-ts/lib/Either.js'
import { after } from '../deadline.js'
import { ending } from '../ending.js'
import type { Spawn, ThreadsHere } from '../platform.js'
import { endpointOf } from './endpoint.js'

export const threadsHere: ThreadsHere = () => E.right(undefined)

/** The process's own flags (a loader, `--input-type`) are not for the thread. */
export const spawn: Spawn = (entry = new URL('../thread.js', import.meta.url)) => {
  const worker = new Worker(entry, { execArgv: [] })
  const { settle, onEnd } = ending()
  const threw = (thrown: Error): void => settle({ _tag: 'Threw', reason: thrown.message })
  worker.on('error', threw)
  worker.on('messageerror', threw)
  worker.on('exit', (code) => settle({ _tag: 'Exited', code }))
  return {
    endpoint: endpointOf(worker),
    onEnd,
    end: (seconds) => () =>
      new Promise((resolve) => {
        const callOff = after(seconds, () => {
          worker.unref()
          resolve(false)
        })
        void worker.terminate().then(() => {
          callOff()
          resolve(true)
        })
      })
  }
}
