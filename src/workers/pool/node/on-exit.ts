/**
 * The end of a process of Node.js.
 */

/**
 * Calls `listener` when the process exits, with its code, before those that listen already; gives the way to call it off. Not
 * where the process is killed. The listener may end the process at once.
 */
export const onExit = (listener: (code: number) => void): (() => void) => {
  // Node.js says what was thrown and not caught only after the listeners.
  const say = (thrown: Error): void => {
    process.stderr.write(`${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}\n`)
  }
  process.on('uncaughtExceptionMonitor', say)
  process.prependListener('exit', listener)
  return () => {
    process.off('uncaughtExceptionMonitor', say)
    process.off('exit', listener)
  }
}
