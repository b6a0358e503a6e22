#!/usr/bin/env node
/**
 * The start of the process: what may go wrong, or be asked for, before the command line has been loaded.
 */

import { handleEarlySignals } from './early.js'

handleEarlySignals()
try {
  // Here, and not above, so that a module that cannot be loaded is told in a sentence.
  await import('./main.js')
} catch (thrown) {
  const reason = thrown instanceof Error ? thrown.message : String(thrown)
  process.stderr.write(
    /^(EMFILE|ENFILE)/.test(reason)
      ? `pure-electra: this process may open too few files to start (${reason}): allow more, as by ulimit -n 1024\n`
      : `pure-electra: could not start: ${reason}\n`
  )
  process.exitCode = 1
}
