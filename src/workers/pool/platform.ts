/**
 * What a pool wants of the platform that it runs on. Each platform has a folder with these under the same names:
 *
 *     spawn.ts     threadsHere, spawn     to start a thread and to see it end
 *     parent.ts    parentEndpoint         in the thread: the wire to whoever started it
 *
 * Sources import `node/`; the field `browser` of package.json puts `web/` in its place, which bundlers for browsers heed.
 */

import type { Endpoint } from 'comlink'
import type { IO } from 'fp-ts/lib/IO.js'
import type { IOEither } from 'fp-ts/lib/IOEither.js'
import type { Task } from 'fp-ts/lib/Task.js'
import type { WorkerError } from '../error.js'

/** How a thread ended: something was thrown in it, or it exited. Threads of browsers have no exit code. */
export type Ended =
  { readonly _tag: 'Threw'; readonly reason: string } | { readonly _tag: 'Exited'; readonly code: number | undefined }

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

/** Starts a thread at a module, the built `thread.js` if none is named. Throws where the platform refuses. */
export type Spawn = (entry?: URL) => Thread

/** Fails with `NoThreads` where so many threads that share memory cannot be had. */
export type ThreadsHere = (workers: number) => IOEither<WorkerError, void>

/** This thread's end of the wire. Throws outside a thread that `spawn` started. */
export type ParentEndpoint = IO<Endpoint>
