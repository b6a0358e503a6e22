/**
 * The model that scores texts for `score` and `rerank`: what a directory holds, and how it says how likely a text is.
 */

import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { Option } from 'commander'
import type { Device } from '../../tensor/run/device.js'
import { showStepError } from '../../tensor/run/step-error.js'
import { showConfigError, type ElectraConfig } from '../config/config.js'
import { parseConfig } from '../config/resolve.js'
import { openTokenizer, showTokenizerError, type Tokenizer } from '../data/vocabulary/tokenizer.js'
import { discriminatorFrom } from '../predict.js'
import { replacedTokenScorer } from '../scoring/replaced-token.js'
import { energyScorer, maskedLmFrom, maskedLmScorer, type Scorer } from '../scoring/likelihood.js'
import { kindOf, objectiveNames } from '../objective/table.js'
import { showStoreError } from '../store/errors.js'
import { exists, readText } from '../store/files/files.js'
import { readTokenizerFiles } from '../store/models/hf-tokenizer-files.js'
import { importModel, type ModelFiles } from '../store/models/model-files.js'
import type { Console } from './console.js'
import { withDevice, type DeviceOptions } from './device.js'
import { failed, failedWith, type Failure } from './outcome.js'

export type ScoringOptions = DeviceOptions & {
  /** A run's directory, or a model directory. */
  readonly model: string
  /** What a model directory is, as it does not say itself how it was trained. */
  readonly as?: 'electric' | 'masked-lm'
}

export const asOption = (): Option =>
  new Option(
    '--as <kind>',
    "what a model directory was trained as: 'electric', whose discriminator gives energies, or 'masked-lm'; a run says it itself"
  ).choices(['electric', 'masked-lm'])

type Source =
  | { readonly directory: string; readonly by: 'energies' | 'masked-lm' }
  | {
      readonly directory: string
      readonly by: 'replaced-token'
      readonly generator: string
      readonly config: Pick<ElectraConfig, 'maskProbability' | 'temperature'>
    }

/** Far more than any configuration. */
const longestConfig = 2 ** 20

/** Objectives whose networks say how likely a text is, or may. */
export const likely: ReadonlyArray<string> = objectiveNames.filter(
  (objective) => kindOf({ objective }).likelihood !== undefined
)

/** What a run was trained to do. */
export const configOfRun = (run: string): TE.TaskEither<Failure, ElectraConfig> =>
  pipe(
    readText(join(run, 'config.json'), longestConfig),
    TE.mapLeft(failedWith(showStoreError)),
    TE.chainEitherK((text) =>
      pipe(
        parseConfig(text),
        E.mapLeft((e) => failed(`${join(run, 'config.json')}: ${showConfigError(e)}`))
      )
    )
  )

const sourceOfRun = (run: string): TE.TaskEither<Failure, Source> =>
  pipe(
    configOfRun(run),
    TE.chain((config): TE.TaskEither<Failure, Source> => {
      const likelihood = kindOf(config).likelihood?.(config)
      const model = (name: string): string => join(run, 'model', name)
      return likelihood === undefined
        ? TE.left(
            failed(
              `${run}: found a run of the objective '${config.objective}', expected one of ${likely.join(', ')} (electra with a generator that ` +
                `learns and may draw the original): its networks do not say how likely tokens are. Its generator can be asked, where it has one: ` +
                `--model ${model('generator')} --as masked-lm`
            )
          )
        : TE.right(
            likelihood.by === 'replaced-token'
              ? {
                  directory: model(likelihood.network),
                  by: likelihood.by,
                  generator: model(likelihood.generator),
                  config
                }
              : { directory: model(likelihood.network), by: likelihood.by }
          )
    })
  )

const sourceOf = ({ model, as }: ScoringOptions): TE.TaskEither<Failure, Source> =>
  pipe(
    TE.fromTask<boolean, Failure>(TE.toUnion(exists(join(model, 'checkpoints')))),
    TE.chain((isRun) => {
      if (isRun) return sourceOfRun(model)
      return as === undefined
        ? TE.left(failed(`${model}: found no run; of a model directory expected --as electric or --as masked-lm`))
        : TE.right({ directory: model, by: as === 'electric' ? 'energies' : 'masked-lm' })
    })
  )

/** Scores texts: a list of pieces and their log-likelihoods each. */
export type Scored = {
  readonly pieces: ReadonlyArray<string>
  readonly likelihoods: ReadonlyArray<number>
  readonly total: number
}

export type TextScorer = (text: string) => TE.TaskEither<Failure, Scored>

const scoredWith =
  (tokenizer: Tokenizer, longest: number, score: Scorer, console: Console): TextScorer =>
  (text) =>
    pipe(
      tokenizer.encodeText(longest)(text),
      TE.mapLeft(failedWith(showTokenizerError)),
      TE.bindTo('encoded'),
      TE.bind('likelihoods', ({ encoded }) => pipe(score(encoded.ids), TE.mapLeft(failedWith(showStepError)))),
      TE.map(({ encoded, likelihoods }) => {
        if (encoded.isTruncated) console.note(`a text was cut to the model's ${longest} positions`)
        return {
          pieces: encoded.ids.slice(1, -1).map((id) => tokenizer.vocabulary.pieces[id]),
          likelihoods,
          total: likelihoods.reduce((sum, x) => sum + x, 0)
        }
      })
    )

const read = (directory: string, half: 'discriminator' | 'generator'): TE.TaskEither<Failure, ModelFiles> =>
  pipe(importModel(directory, half), TE.mapLeft(failedWith(showStoreError)))

const lacking = (name: string): Failure => failed(`the model lacks ${name}`)

type MakeScorer = (device: Device, mask: number) => E.Either<Failure, Scorer>

const byEnergies =
  ({ network, tensors }: ModelFiles): MakeScorer =>
  (device) =>
    pipe(
      discriminatorFrom(network, network.vocabSize, tensors),
      E.bimap(lacking, (trained) => energyScorer(device, trained))
    )

const byMaskedLm =
  ({ network, tensors }: ModelFiles, temperature?: number): MakeScorer =>
  (device, mask) =>
    pipe(
      maskedLmFrom(network, network.vocabSize, tensors),
      E.bimap(lacking, (trained) => maskedLmScorer(device, trained, mask, temperature))
    )

/** Reads the networks that a text is scored by. `longest` is how many tokens they read. */
const readScorer = (
  source: Source
): TE.TaskEither<Failure, { readonly make: MakeScorer; readonly longest: number }> => {
  const main = read(source.directory, source.by === 'masked-lm' ? 'generator' : 'discriminator')
  const longest = ({ network }: ModelFiles): number => network.maxPositions
  if (source.by !== 'replaced-token')
    return pipe(
      main,
      TE.map((model) => ({
        make: source.by === 'energies' ? byEnergies(model) : byMaskedLm(model),
        longest: longest(model)
      }))
    )
  const { generator, config } = source
  return pipe(
    main,
    TE.bindTo('discriminator'),
    TE.bind('generator', () => read(generator, 'generator')),
    TE.map(({ discriminator, generator: other }) => ({
      make: (device, mask) =>
        pipe(
          E.Do,
          E.bind('originals', () => byEnergies(discriminator)(device, mask)),
          E.bind('proposals', () => byMaskedLm(other, config.temperature)(device, mask)),
          E.map(({ originals, proposals }) => replacedTokenScorer(originals, proposals, config.maskProbability))
        ),
      longest: Math.min(longest(discriminator), longest(other))
    }))
  )
}

/** Opens the model, and hands over what scores texts by it. */
export const withScorer =
  (options: ScoringOptions, console: Console) =>
  <A>(use: (score: TextScorer) => TE.TaskEither<Failure, A>): TE.TaskEither<Failure, A> =>
    pipe(
      sourceOf(options),
      TE.bindTo('source'),
      TE.bind('scorer', ({ source }) => readScorer(source)),
      TE.bind('tokenizer', ({ source: { directory } }) =>
        pipe(
          readTokenizerFiles(directory),
          TE.mapLeft(failedWith(showStoreError)),
          TE.chainEitherK(({ vocabulary, options: settings, added }) =>
            pipe(openTokenizer(vocabulary, settings, added), E.mapLeft(failedWith(showTokenizerError)))
          )
        )
      ),
      TE.chain(({ scorer: { make, longest }, tokenizer }) =>
        withDevice(options)((device) =>
          pipe(
            TE.fromEither(make(device, tokenizer.vocabulary.special.mask)),
            TE.chain((score) => use(scoredWith(tokenizer, longest, score, console)))
          )
        )
      )
    )
