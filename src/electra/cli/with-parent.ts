/** A process that another of ours has started, and that is not to outlive it. */

import type { IO } from 'fp-ts/lib/IO.js'

const variable = 'PURE_ELECTRA_ENDS_WITH_PARENT'

/** What such a process finds in its environment. */
export const endsWithParent: Readonly<Record<string, string>> = { [variable]: '1' }

/** Where the connection to the parent breaks, this process is interrupted: it saves its state and ends. */
export const endWithParent: IO<void> = () => {
  if (process.env[variable] === undefined || process.send === undefined) return
  const end = (): void => void process.kill(process.pid, 'SIGTERM')
  if (!process.connected) return end()
  process.once('disconnect', end)
  // The connection alone is no reason to go on.
  process.channel?.unref()
}
