/**
 * The end of a thread, and who waits for it.
 */

import type { Ended, Thread } from './platform.js'

export type Ending = {
  readonly onEnd: Thread['onEnd']
  /** Tells all who wait. What is told after the first time is not heard. */
  readonly settle: (ended: Ended) => void
}

export const ending = (): Ending => {
  const waiting = new Set<(ended: Ended) => void>()
  let end: Ended | undefined
  return {
    settle: (ended) => {
      end ??= ended
      const told = [...waiting]
      waiting.clear()
      for (const listener of told) listener(end)
    },
    onEnd: (listener) => {
      if (end === undefined) waiting.add(listener)
      else listener(end)
      return () => {
        waiting.delete(listener)
      }
    }
  }
}
