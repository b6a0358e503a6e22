/**
 * Asking the engine to collect what nobody holds, for tests of memory that comes back by itself.
 */

import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
/** Collects what nothing holds, but for what was made a weak reference to in this very job. */
export const collect = runInNewContext('gc') as () => void

/** Collects, and lets what is called on collection run, until `done` or for a hundred turns. */
export const collectUntil = async (done: () => boolean): Promise<void> => {
  for (let turn = 0; turn < 100 && !done(); turn++) {
    // What `done` looked at through a weak reference is held until its turn ends.
    await setImmediate()
    collect()
    await setImmediate()
  }
}
