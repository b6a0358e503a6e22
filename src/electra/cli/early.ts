/**
 * A signal before a command has begun: there is nothing to save yet, and the process ends, not with the code that says that the
 * state is saved.
 */

import { writeSync } from 'node:fs'
import type { IO } from 'fp-ts/lib/IO.js'
import { endingSignals } from '../ending-signals.js'
import { exitCodes } from './outcome.js'

const end = (signal: NodeJS.Signals): void => {
  try {
    // At once: the process ends before a stream has written anything.
    writeSync(2, `pure-electra: ended by ${signal} before anything was begun: there is nothing to save\n`)
  } catch {
    // Nobody is there to read it.
  }
  process.exit(exitCodes.failed)
}

export const handleEarlySignals: IO<void> = () => endingSignals.forEach((signal) => void process.on(signal, end))

/** From then on whoever runs hears them by itself. */
export const ignoreEarlySignals: IO<void> = () => endingSignals.forEach((signal) => void process.off(signal, end))
