/** `pure-electra config`: a configuration with every value in it. */

import type { Command as Program } from 'commander'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { meanings, valueAt } from '../../config/reference.js'
import { configKeys } from '../../config/schema.js'
import type { Console } from '../console.js'
import { loadConfig } from '../load-config.js'
import { exitCodes, type Command } from '../outcome.js'
import { configSource, jsonOption, setOption } from '../arguments.js'
import { examples, finish, type WithJson } from '../finish.js'

export type ConfigOptions = { readonly set?: ReadonlyArray<string> }

/** Prints it key by key for people, and as a file that resolves to the same for programs. */
export const showConfiguration = (source: string, { set }: ConfigOptions, console: Console): Command =>
  pipe(
    loadConfig(source, set),
    TE.map((config) => {
      const rows = configKeys.flatMap(({ path }) => {
        const value = valueAt(config, path)
        return value === undefined ? [] : [{ path, value: JSON.stringify(value), meaning: meanings[path] ?? '' }]
      })
      const width = (of: 'path' | 'value'): number => Math.max(...rows.map((row) => row[of].length))
      const [paths, values] = [width('path'), width('value')]
      for (const { path, value, meaning } of rows)
        console.say(`${path.padEnd(paths)}  ${value.padEnd(values)}  ${meaning}`)
      console.json(config)
      return exitCodes.done
    })
  )

export const declareConfig = (root: Program): void => {
  root
    .command('config')
    .description('print a configuration with every value, what each means and accepts')
    .argument('<name|file>', configSource)
    .addOption(setOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        'config small',
        'config tiny --set optimizer.learningRate=1e-3 --set training.steps=5000 --json > my.json'
      )
    )
    .action((source: string, options: ConfigOptions & WithJson) =>
      finish(options, (console) => showConfiguration(source, options, console))
    )
}
