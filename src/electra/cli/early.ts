/**
 * A signal before there is anything to save: the process ends, and not with the code that says that the state is saved.
 */

import type { IO } from 'fp-ts/lib/IO.js'
import { endingSignals } from '../ending-signals.js'

const end = (): void => process.exit(1)

export const mindEarlySignals: IO<void> = () => endingSignals.forEach((signal) => void process.on(signal, end))

/** From then on whoever runs hears them by itself. */
export const leaveSignals: IO<void> = () => endingSignals.forEach((signal) => void process.off(signal, end))
