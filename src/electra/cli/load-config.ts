/** The configuration that `--config` names, a preset where there is one of that name, else a file; and `--set` over it. */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { showConfigError, type ElectraConfig } from '../config/config.js'
import { parseConfig, presetConfig } from '../config/resolve.js'
import { presetNames } from '../config/presets.js'
import { showStoreError } from '../store/errors.js'
import { readText } from '../store/files/files.js'
import { failed, wrongUsage, type Failure } from './outcome.js'

/** Far more than any: it is looked at key by key. */
const longestConfig = 2 ** 18

export const loadConfig = (
  source: string,
  settings: ReadonlyArray<string> = [],
  /** What else a name could have been, for a sentence behind the failure. */
  otherwise = ''
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
    readText(source, longestConfig),
    TE.mapLeft((e) =>
      wrongUsage(
        `--config ${source}: found neither a preset (${presetNames.join(', ')}) nor a readable file: ` +
          (e._tag === 'FileFailure' ? e.reason : showStoreError(e)) +
          otherwise
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
