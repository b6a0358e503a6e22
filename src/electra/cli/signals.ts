/**
 * Interrupts: the first asks the run to finish its step, save and stop. The same signal again ends the process at once; another one
 * changes nothing, since shells, launchers and schedulers send several of them on their way to the end.
 */

import type { IO } from 'fp-ts/lib/IO.js'
import { endingSignals } from '../ending-signals.js'
import type { Console } from './console.js'
import { exitCodes } from './outcome.js'

export type Interrupts = { readonly isInterrupted: () => boolean; readonly release: () => void }

/** A launcher such as npm passes on what the terminal has sent to all already: within so many milliseconds it is one request. */
const oneRequest = 300

/** `whenAsked` is called once, before the first is answered. */
export const interrupts =
  (console: Console, whenAsked: IO<void> = () => undefined): IO<Interrupts> =>
  () => {
    const asked = new Map<NodeJS.Signals, number>()
    const onSignal = (signal: NodeJS.Signals): void => {
      const before = asked.get(signal)
      if (before !== undefined && performance.now() - before < oneRequest) return
      if (before !== undefined) {
        console.note(`\n${signal} again: stopped at once. What was computed since the last checkpoint is not saved.`)
        // Not the code of an interrupted run, which says that the state is saved.
        process.exit(exitCodes.failed)
      }
      if (asked.size === 0) whenAsked()
      console.note(
        asked.size === 0
          ? `\nInterrupted: finishing the step and saving. Interrupt again to stop at once.`
          : `\n${signal}: still finishing the step and saving.`
      )
      asked.set(signal, performance.now())
    }
    endingSignals.forEach((signal) => process.on(signal, onSignal))
    return {
      isInterrupted: () => asked.size > 0,
      release: () => {
        endingSignals.forEach((signal) => process.off(signal, onSignal))
      }
    }
  }
