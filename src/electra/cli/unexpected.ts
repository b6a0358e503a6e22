/**
 * What nobody expected: something was thrown that no command returns as its failure. It is told, whatever happens to the process
 * then: with the stack where it is a fault of this program, and without where the machine was too small.
 */

import { writeSync } from 'node:fs'
import { pipe } from 'fp-ts/lib/function.js'
import * as E from 'fp-ts/lib/Either.js'
import type { IO } from 'fp-ts/lib/IO.js'
import { reasonOf } from '../../tensor/reason.js'
import { exitCodes } from './outcome.js'

/** What engines say where an array, a memory or a text is too large for them, or memory has run out. */
const tooLarge =
  /allocation failed|invalid (typed array|array buffer|array|string) length|out of memory|could not allocate/i

export const showUnexpected = (thrown: unknown, version: string): string =>
  thrown instanceof RangeError && tooLarge.test(thrown.message)
    ? `pure-electra: this takes more memory than there is (${thrown.message}): try smaller sizes, or fewer workers\n`
    : `pure-electra: a fault of pure-electra itself, not of what it was given: ${reasonOf(thrown)}. ` +
      `Please report it to its maintainers, with the command and these lines:\n` +
      `  pure-electra ${version}, Node.js ${process.version}, ${process.platform} ${process.arch}\n` +
      `${thrown instanceof Error && thrown.stack !== undefined ? thrown.stack : String(thrown)}\n`

/** Says it at once: the process may end before a stream has written anything. */
const tellUnexpected = (thrown: unknown, version: string): void => {
  // Nobody may be there to read it.
  pipe(E.tryCatch(() => writeSync(2, showUnexpected(thrown, version)), E.toError))
}

/** Tells of what was thrown, and ends the process: threads that nobody is left to end would keep it for ever. */
export const endUnexpectedly = (thrown: unknown, version: string): never => {
  tellUnexpected(thrown, version)
  process.exit(exitCodes.failed)
}

/** Tells of everything that is thrown and not caught, and ends the process. */
export const reportUnexpected =
  (version: string): IO<void> =>
  () => {
    const end = (thrown: unknown): void => {
      endUnexpectedly(thrown, version)
    }
    process.on('uncaughtException', end)
    process.on('unhandledRejection', end)
  }
