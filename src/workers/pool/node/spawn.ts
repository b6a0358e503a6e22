/** Threads of Node.js. */

import { Worker } from 'node:worker_threads'
import * as E from 'fp-ts/lib/Either.js'
import { after } from '../deadline.js'
import { ending } from '../ending.js'
import type { Spawn, ThreadsHere } from '../platform.js'
import { endpointOf } from './endpoint.js'

/** What a thread takes beside the memory that it works in: its own heap and code. 57 MB were measured. */
const threadBytes = 60e6

const inMegabytes = (bytes: number): string => `${Math.floor(bytes / 1e6).toLocaleString('en')} MB`

/** Where memory runs out the operating system kills the process, without a word: so threads are counted before they start. */
export const threadsHere: ThreadsHere = (workers) => () => {
  const available = process.availableMemory()
  return workers * threadBytes <= available
    ? E.right(undefined)
    : E.left({
        _tag: 'NoThreads',
        found: `${inMegabytes(available)} of memory, room for ${Math.floor(available / threadBytes)}`,
        expected: `${inMegabytes(workers * threadBytes)} for ${workers}, ${inMegabytes(threadBytes)} each before they work`
      })
}

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
