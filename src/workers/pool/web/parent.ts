/** A Web Worker, seen from within. */

import type { Endpoint } from 'comlink'
import type { ParentEndpoint } from '../platform.js'
import type { Living } from './life.js'

/** Takes the lock that says that this thread lives, and tells its name; and has what nobody catches end the thread. */
export const parentEndpoint: ParentEndpoint = () => {
  if (typeof document !== 'undefined')
    throw new Error('this module is the entry of a worker thread; it was loaded outside one')
  const parent = globalThis as unknown as Endpoint
  // A rejection that nobody handles is not told to the parent, as something thrown is.
  addEventListener('unhandledrejection', (event) => reportError(event.reason))
  const life = `pure-electra thread ${crypto.randomUUID()}`
  void navigator.locks.request(life, () => {
    parent.postMessage({ life } satisfies Living)
    return new Promise(() => undefined)
  })
  return parent
}
