/**
 * Waiting no longer than so many seconds.
 */

/** The longest that a timer takes: 24 days. */
const longest = 2 ** 31 - 1

/** When the messages that have arrived have been delivered. Browsers have no check phase: one turn of the loop later. */
const afterMessages = (next: () => void): void => {
  if (typeof setImmediate === 'function') setImmediate(next)
  else setTimeout(next)
}

/**
 * Calls `late` when `seconds` have passed, unless it is called off before by what this returns.
 *
 * Where this thread was busy for so long that the answer came in time but could not be taken in, the answer comes first.
 */
export const after = (seconds: number, late: () => void): (() => void) => {
  let isOff = false
  const timer = setTimeout(
    () => {
      afterMessages(() => {
        if (!isOff) late()
      })
    },
    Math.min(seconds * 1000, longest)
  )
  return () => {
    isOff = true
    clearTimeout(timer)
  }
}
