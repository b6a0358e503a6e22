/**
 * Threads of Node.js: the only file of this folder that knows which platform it runs on.
 */

import { parentPort, Worker } from 'node:worker_threads'
import type { Endpoint } from 'comlink'
import type { Task } from 'fp-ts/lib/Task.js'
import { after } from './deadline.js'

/** How a thread ended: something was thrown in it, or it exited. */
export type Ended =
  { readonly _tag: 'Threw'; readonly reason: string } | { readonly _tag: 'Exited'; readonly code: number }

export type Thread = {
  readonly endpoint: Endpoint
  /**
   * Calls `listener` once the thread has ended, for whatever reason, at once if it has already; gives the way to stop
   * waiting. (A promise would keep every reaction ever put on it for as long as the thread lives.)
   */
  readonly onEnd: (listener: (ended: Ended) => void) => () => void
  /**
   * Ends the thread, at work or not, and waits until it has ended: nothing runs in it from then on. `false` where it has
   * not within `seconds`, being in native code that nothing can stop; it then no longer keeps the event loop going.
   */
  readonly end: (seconds: number) => Task<boolean>
}

type Port = {
  readonly postMessage: (message: unknown) => void
  readonly on: (event: 'message', listener: (data: unknown) => void) => unknown
  readonly off: (event: 'message', listener: (data: unknown) => void) => unknown
}

/**
 * A Node port or worker as the event target that comlink wants. comlink's own adapter does the same but has no types
 * under `NodeNext`. Nothing is transferred: arrays are shared.
 */
const endpointOf = (port: Port): Endpoint => {
  const listeners = new Map<EventListenerOrEventListenerObject, (data: unknown) => void>()
  return {
    postMessage: (message: unknown) => port.postMessage(message),
    addEventListener: (_, listener) => {
      const receive = (data: unknown): void => {
        const event = new MessageEvent('message', { data })
        if ('handleEvent' in listener) listener.handleEvent(event)
        else listener(event)
      }
      port.on('message', receive)
      listeners.set(listener, receive)
    },
    removeEventListener: (_, listener) => {
      const receive = listeners.get(listener)
      if (receive === undefined) return
      port.off('message', receive)
      listeners.delete(listener)
    }
  }
}

/** Starts a thread at a module. The process's own flags (a loader, `--input-type`) are not for it. */
export const spawn = (entry: URL): Thread => {
  const worker = new Worker(entry, { execArgv: [] })
  const waiting = new Set<(ended: Ended) => void>()
  let end: Ended | undefined
  const settle = (ended: Ended): void => {
    end ??= ended
    const told = [...waiting]
    waiting.clear()
    for (const listener of told) listener(end)
  }
  const threw = (thrown: Error): void => settle({ _tag: 'Threw', reason: thrown.message })
  worker.on('error', threw)
  worker.on('messageerror', threw)
  worker.on('exit', (code) => settle({ _tag: 'Exited', code }))
  return {
    endpoint: endpointOf(worker),
    onEnd: (listener) => {
      if (end === undefined) waiting.add(listener)
      else listener(end)
      return () => {
        waiting.delete(listener)
      }
    },
    end: (seconds) => () =>
      new Promise((settle) => {
        const callOff = after(seconds, () => {
          worker.unref()
          settle(false)
        })
        void worker.terminate().then(() => {
          callOff()
          settle(true)
        })
      })
  }
}

/** This thread's end of the wire to whoever spawned it. */
export const parentEndpoint = (): Endpoint => {
  if (parentPort === null) throw new Error('this module is the entry of a worker thread; it was loaded outside one')
  return endpointOf(parentPort)
}
