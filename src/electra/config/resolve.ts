/**
 * From a configuration file to the configuration it describes.
 *
 * A file says `{ "extends": "small", ... }` and what differs, or everything. Resolving it fills in the sizes that follow
 * from others, so that the resolved record says all, and is a file itself that resolves to the same record.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { parseJson, showJsonError } from '../../tensor/strict-json.js'
import { invalidConfig, type ConfigError, type ElectraConfig } from './config.js'
import { placeOfJsonError } from './json-place.js'
import { presets, type PresetName } from './presets.js'
import { contradictions, problemsOfMeaning } from './problems.js'
import { checkForm, completeSchema, overridesSchema } from './schema.js'
import type { CompleteInput, ConfigProblem, OverridesInput } from './schema.js'
import { applySettings } from './settings.js'
import { fillIn } from './sizes.js'

/** A multiplier replaces the preset's size, as a size replaces its multiplier. */
const mergeGenerator = (
  base: CompleteInput['generator'] = {},
  given: OverridesInput['generator'] = {}
): CompleteInput['generator'] => ({
  ...base,
  ...(given.hiddenMultiplier === undefined ? {} : { hiddenSize: undefined }),
  ...(given.layersMultiplier === undefined ? {} : { layers: undefined }),
  ...given
})

const merge = ({ extends: preset, ...given }: OverridesInput): CompleteInput => {
  const base = presets[preset]
  return {
    ...base,
    // A recipe keeps its name only while nothing about it is changed.
    ...(Object.keys(given).length === 0 ? {} : { name: `${base.name}, changed` }),
    ...given,
    model: { ...base.model, ...given.model },
    generator: mergeGenerator(base.generator, given.generator),
    optimizer: { ...base.optimizer, ...given.optimizer },
    training: { ...base.training, ...given.training }
  }
}

const namesPreset = (input: unknown): boolean => typeof input === 'object' && input !== null && 'extends' in input

type Read = { readonly file: CompleteInput | OverridesInput; readonly complete: CompleteInput }

const read = (input: unknown): E.Either<ReadonlyArray<ConfigProblem>, Read> =>
  namesPreset(input)
    ? pipe(
        checkForm(overridesSchema, input),
        E.chain((file) =>
          pipe(
            checkForm(completeSchema, merge(file)),
            E.map((complete) => ({ file, complete }))
          )
        )
      )
    : pipe(
        checkForm(completeSchema, input),
        E.map((complete) => ({ file: complete, complete }))
      )

/**
 * The configuration that a file's JSON value describes.
 *
 * Where not given: `heads = max(1, h div 64)`, `feedForwardSize = 4 h`, `embeddingSize = h`, and the generator's sizes from
 * its multipliers, all after the file's own values have replaced the preset's. A file without `extends` must give
 * everything else. Fails with every problem there is: of form first, and of meaning once the form is right.
 */
export const resolveConfig = (input: unknown): E.Either<ConfigError, ElectraConfig> =>
  pipe(
    read(input),
    E.chain(({ file, complete }) => {
      const config = fillIn(complete)
      const problems = [...contradictions(file, config), ...problemsOfMeaning(config)]
      return problems.length === 0 ? E.right(config) : E.left(problems)
    }),
    E.mapLeft(invalidConfig)
  )

/** Deeper than any configuration. */
const deepestFile = 8

const resolveWith =
  (settings: ReadonlyArray<string>) =>
  (input: unknown): E.Either<ConfigError, ElectraConfig> =>
    pipe(applySettings(settings)(input), E.mapLeft(invalidConfig), E.chain(resolveConfig))

/** The configuration in a file's text, with settings such as `optimizer.learningRate=1e-3` laid over it. */
export const parseConfig = (text: string, settings: ReadonlyArray<string> = []): E.Either<ConfigError, ElectraConfig> =>
  pipe(
    parseJson(deepestFile)(text),
    E.mapLeft((e) => {
      const place = e._tag === 'NotJson' ? placeOfJsonError(text) : undefined
      const found = `${showJsonError(e)}${place === undefined ? '' : ` from ${place} on`}`
      return invalidConfig([{ path: '', found, expected: 'a JSON object' }])
    }),
    E.chain(resolveWith(settings))
  )

/** A preset as it is, or with settings laid over it. */
export const presetConfig = (
  name: PresetName,
  settings: ReadonlyArray<string> = []
): E.Either<ConfigError, ElectraConfig> => resolveWith(settings)({ extends: name })
