/** Threads of browsers: Web Workers. */

import * as E from 'fp-ts/lib/Either.js'
import { after } from '../deadline.js'
import { ending } from '../ending.js'
import type { Spawn, ThreadsHere } from '../platform.js'
import { isLiving } from './life.js'

export const threadsHere: ThreadsHere = () => () => {
  const missing = (found: string, expected: string) => E.left({ _tag: 'NoThreads', found, expected } as const)
  if (!globalThis.isSecureContext)
    return missing(
      `a page from ${globalThis.origin}, which is no secure context`,
      'a page served over https, or from localhost'
    )
  if (!globalThis.crossOriginIsolated)
    return missing(
      'a page that is not cross-origin isolated, and so cannot share memory with its workers',
      'the headers Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp'
    )
  return typeof navigator.locks === 'undefined' || typeof Worker === 'undefined'
    ? missing('a browser without Web Workers or Web Locks', 'one that has both')
    : E.right(undefined)
}

/** Written out in one piece, so that bundlers see it and make the module a file of its own. */
const defaultWorker = (): Worker => new Worker(new URL('./thread.js', import.meta.url), { type: 'module' })

export const spawn: Spawn = (entry) => {
  const worker = entry === undefined ? defaultWorker() : new Worker(entry, { type: 'module' })
  const { settle, onEnd } = ending()
  /** What the thread is to be told. It hears nothing before it holds its lock: until then it has nothing to spoil. */
  let held: Array<() => void> | undefined = []
  /** When the thread has ended, from when on it holds its lock. */
  let gone: Promise<void> | undefined

  const live = (life: string): void => {
    gone = navigator.locks.request(life, () => settle({ _tag: 'Exited', code: undefined }))
    held?.forEach((send) => send())
    held = undefined
  }
  worker.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
    if (gone === undefined && isLiving(data)) live(data.life)
  })
  // The thread would live on: in Node.js what is thrown and not caught ends it.
  const threw = (reason: string): void => {
    worker.terminate()
    settle({ _tag: 'Threw', reason })
  }
  worker.addEventListener('error', (event) => {
    event.preventDefault()
    threw(event.message ?? `the module ${entry?.href ?? 'thread.js'} could not be loaded`)
  })
  worker.addEventListener('messageerror', () => threw('a message from it could not be read'))

  return {
    endpoint: {
      postMessage: (message: unknown, transfer: Array<Transferable> = []) => {
        const send = (): void => worker.postMessage(message, transfer)
        if (held === undefined) send()
        else held.push(send)
      },
      addEventListener: worker.addEventListener.bind(worker),
      removeEventListener: worker.removeEventListener.bind(worker)
    },
    onEnd,
    end: (seconds) => () =>
      new Promise((resolve) => {
        worker.terminate()
        if (gone === undefined) {
          settle({ _tag: 'Exited', code: undefined })
          resolve(true)
          return
        }
        const callOff = after(seconds, () => resolve(false))
        void gone.then(() => {
          callOff()
          resolve(true)
        })
      })
  }
}
