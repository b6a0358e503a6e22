/**
 * Waiting no longer than so many seconds.
 */

/** The longest that a timer takes: 24 days. */
const longest = 2 ** 31 - 1

/**
 * Calls `late` when `seconds` have passed, unless it is called off before by what this returns.
 *
 * Where this thread was busy for so long that the answer came in time but could not be taken in, the answer comes first:
 * messages that wait are delivered between a timer and the check phase of the event loop.
 */
export const after = (seconds: number, late: () => void): (() => void) => {
  let isOff = false
  const timer = setTimeout(
    () => {
      setImmediate(() => {
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
