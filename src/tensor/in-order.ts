/**
 * One thing at a time, in the order in which they were started.
 */

import type { Task } from 'fp-ts/lib/Task.js'

export type InOrder = <A>(task: Task<A>) => Task<A>

/** A gate: each task that passes it begins when the one before has settled. Tasks must not reject. */
export const inOrder = (): InOrder => {
  let last: Promise<unknown> = Promise.resolve()
  return (task) => () => {
    const result = last.then(task)
    last = result
    return result
  }
}
