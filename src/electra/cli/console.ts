/**
 * What commands write: results to standard output, everything else to standard error.
 *
 * With `--json` standard output carries JSON lines only, so a program can read it.
 */

import type { IO } from 'fp-ts/lib/IO.js'

export type Console = {
  /** For people; silent with `--json`. */
  readonly say: (text: string) => void
  /** For programs; silent without `--json`. */
  readonly json: (value: unknown) => void
  /** Progress and warnings, on standard error. */
  readonly note: (text: string) => void
  readonly isJson: boolean
  /** Whether standard error is a terminal that a bar can be drawn on. */
  readonly isInteractive: boolean
}

export const consoleOf =
  (isJson: boolean): IO<Console> =>
  () => ({
    say: (text) => {
      if (!isJson) process.stdout.write(`${text}\n`)
    },
    json: (value) => {
      if (isJson) process.stdout.write(`${JSON.stringify(value)}\n`)
    },
    note: (text) => {
      process.stderr.write(`${text}\n`)
    },
    isJson,
    isInteractive: process.stderr.isTTY
  })
