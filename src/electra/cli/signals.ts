/**
 * Interrupts: the first asks the run to finish its step, save and stop; the second ends the process at once.
 */

import type { IO } from 'fp-ts/lib/IO.js'
import type { Console } from './console.js'
import { exitCodes } from './outcome.js'

export type Interrupts = { readonly isInterrupted: () => boolean; readonly release: () => void }

const signals = ['SIGINT', 'SIGTERM'] as const

export const interrupts =
  (console: Console): IO<Interrupts> =>
  () => {
    let count = 0
    const onSignal = (): void => {
      count++
      if (count > 1) process.exit(exitCodes.interrupted)
      console.note('\nInterrupted: finishing the step and saving. Interrupt again to stop at once.')
    }
    signals.forEach((signal) => process.on(signal, onSignal))
    return {
      isInterrupted: () => count > 0,
      release: () => {
        signals.forEach((signal) => process.off(signal, onSignal))
      }
    }
  }
