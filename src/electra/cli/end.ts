/**
 * The end of the process, though a thread of it may not end.
 *
 * Node.js waits at exit for every thread, and nothing can stop one that is stuck in native code: the process would hang with
 * all said and done. Where threads are left then, the operating system ends them with the process.
 */

import { createRequire } from 'node:module'
import type { Worker } from 'node:worker_threads'
import * as E from 'fp-ts/lib/Either.js'
import type { IO } from 'fp-ts/lib/IO.js'
import type * as koffiModule from 'koffi'

/** `_exit` of the C library, which waits for nobody. Only where `koffi` is, as it is where threads call native code. */
const exitAtOnce = (code: number): void => {
  const koffi = createRequire(import.meta.url)('koffi') as typeof koffiModule
  koffi.load(null).func('void _exit(int)')(code)
}

/** To be called before any thread is started. */
export const endDespiteThreads: IO<void> = () => {
  const alive = new Set<Worker>()
  process.on('worker', (worker) => {
    alive.add(worker)
    worker.once('exit', () => alive.delete(worker))
  })
  process.on('exit', (code) => {
    if (alive.size === 0) return
    const exited = E.tryCatch(() => exitAtOnce(code), E.toError)
    // Without koffi there is no way to end with the code.
    if (E.isLeft(exited)) process.kill(process.pid, 'SIGKILL')
  })
}
