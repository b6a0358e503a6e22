/**
 * Parts of a result that are handed on, one after the other, as soon as every job of many has finished its share of them.
 */

import type { Listener } from '../pool/pool.js'

/**
 * Listens to `jobs` jobs whose groups of outputs are the parts, and calls `hand` once with each of `parts`, in order: while no
 * job writes to it. All of them are handed on when the last job is done.
 */
export const readyPrefix = (jobs: number, parts: number, hand: (part: number) => void): Required<Listener> => {
  const finished = new Array<number>(jobs).fill(0)
  let handed = 0
  const hear = (job: number, count: number): void => {
    finished[job] = count
    for (const least = Math.min(...finished); handed < least; handed++) hand(handed)
  }
  return { finished: hear, done: (job) => hear(job, parts) }
}
