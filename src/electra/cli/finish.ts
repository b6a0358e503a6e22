/**
 * What every command of the command line has alike: how it is run and ended, and how its help shows examples.
 */

import * as E from 'fp-ts/lib/Either.js'
import { consoleOf, type Console } from './console.js'
import type { Command } from './outcome.js'

export type WithJson = { readonly json: boolean }

/** Runs a command, shows its failure, and sets the exit code; the process ends when nothing is left to do. */
export const finish = async (options: WithJson, command: (console: Console) => Command): Promise<void> => {
  const console = consoleOf(options.json)()
  const ended = await command(console)()
  if (E.isRight(ended)) process.exitCode = ended.right
  else {
    console.note(`pure-electra: ${ended.left.message}`)
    process.exitCode = ended.left.exit
  }
}

export const examples = (...lines: ReadonlyArray<string>): string =>
  `\nExamples:\n${lines.map((line) => `  $ pure-electra ${line}`).join('\n')}`
