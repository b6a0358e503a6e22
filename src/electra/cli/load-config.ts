/** The configuration that `--config` names, a preset where there is one of that name, else a file; and `--set` over it. */

import { readFile } from 'node:fs/promises'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { parseConfig, presetConfig, showConfigError, type ElectraConfig } from '../config.js'
import { presetNames } from '../presets.js'
import { failed, wrongUsage, type Failure } from './outcome.js'

export const loadConfig = (
  source: string,
  settings: ReadonlyArray<string> = []
): TE.TaskEither<Failure, ElectraConfig> => {
  const preset = presetNames.find((name) => name === source)
  if (preset !== undefined)
    return TE.fromEither(
      pipe(
        presetConfig(preset, settings),
        E.mapLeft((e) => wrongUsage(showConfigError(e)))
      )
    )
  return pipe(
    TE.tryCatch(
      () => readFile(source, 'utf8'),
      (cause) =>
        wrongUsage(
          `--config ${source}: found neither a preset (${presetNames.join(', ')}) nor a readable file: ` +
            (cause instanceof Error ? cause.message : String(cause))
        )
    ),
    TE.chainEitherK((text) =>
      pipe(
        parseConfig(text, settings),
        E.mapLeft((e) => failed(`${source}: ${showConfigError(e)}`))
      )
    )
  )
}
