/**
 * How a command ends: with an exit code, and with a sentence where it fails.
 */

import type { TaskEither } from 'fp-ts/lib/TaskEither.js'

/** 0 done, 1 failed, 2 wrong usage, 130 interrupted (128 + SIGINT). */
export const exitCodes = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

export type Failure = { readonly exit: ExitCode; readonly message: string }

/** What every command is: something to run, that says what it has to say by itself. */
export type Command = TaskEither<Failure, ExitCode>

export const failed = (message: string): Failure => ({ exit: exitCodes.failed, message })

export const wrongUsage = (message: string): Failure => ({ exit: exitCodes.usage, message })

/** For `mapLeft`: an error of some room, shown by that room's own words. */
export const failedWith =
  <E>(show: (e: E) => string) =>
  (e: E): Failure =>
    failed(show(e))
