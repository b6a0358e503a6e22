/**
 * What a run leaves when its last step is taken: the model as files, the report, a look at what was learnt.
 */

import { basename, join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { constUndefined, identity as asItIs, pipe } from 'fp-ts/lib/function.js'
import * as O from 'fp-ts/lib/Option.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { showStepError } from '../../tensor/run/step-error.js'
import type { ElectraConfig } from '../config/config.js'
import type { Corpus } from '../data/corpus/corpus.js'
import { tokenizerOptionsOf } from '../data/corpus/manifest.js'
import { judgedReplacements, jointParamsFrom } from '../replacements.js'
import { latestCheckpoint } from '../store/checkpoints/checkpoint.js'
import type { RunIdentity } from '../store/checkpoints/checkpoint-state.js'
import { showStoreError } from '../store/errors.js'
import { exists, readText, writeFileWhole } from '../store/files/files.js'
import { hfTokenizerFiles } from '../store/models/hf-tokenizer.js'
import { replaceModel, type TrainedModel } from '../store/models/model-files.js'
import { checkResume } from '../store/checkpoints/resume.js'
import { runKeys } from '../training/keys.js'
import type { PretrainError, PretrainResult } from '../training/run.js'
import { sentence, type Advice } from './advice.js'
import type { Console } from './console.js'
import { withDevice, type DeviceOptions } from './device.js'
import { exitCodes, failed, failedWith, type Command, type Failure } from './outcome.js'
import {
  closingReport,
  factLines,
  longestReport,
  parseReport,
  reportName,
  showReport,
  type KeptReport
} from './report.js'
import { judgedSamples, showSamples, type Samples } from './samples.js'

const halvesOf = ({ objective }: ElectraConfig): ReadonlyArray<'discriminator' | 'generator'> =>
  objective === 'mlm' ? ['generator'] : ['discriminator', 'generator']

/** Writes what the run trained as Hugging Face model directories, in place of any that are there. */
const exportAll = (out: string, model: TrainedModel): TE.TaskEither<Failure, ReadonlyArray<string>> =>
  pipe(
    halvesOf(model.config),
    TE.traverseSeqArray((half) => replaceModel(join(out, 'model', half), half, model)),
    TE.mapLeft(failedWith(showStoreError))
  )

/** What the two networks make of a few held-out sentences; nothing for an objective without them. */
const judgeSentences = (
  options: DeviceOptions & { readonly seed: number },
  config: ElectraConfig,
  corpus: Corpus,
  result: PretrainResult
): TE.TaskEither<Failure, Samples | undefined> =>
  config.objective === 'mlm'
    ? TE.right(undefined)
    : withDevice(options)((held) =>
        pipe(
          TE.fromEither(jointParamsFrom(config, corpus.vocabulary.pieces.length, result.params)),
          TE.mapLeft((name) => failed(`the trained model lacks ${name}`)),
          TE.chain((params) => {
            const { special } = corpus.vocabulary
            const judge = judgedReplacements(held, config, params, special, runKeys(options.seed).samples)
            return pipe(judgedSamples(corpus, config.sequenceLength, judge), TE.mapLeft(failedWith(showStepError)))
          })
        )
      )

const modelOf = (config: ElectraConfig, { vocabulary, manifest }: Corpus, result: PretrainResult): TrainedModel => ({
  config,
  vocabSize: vocabulary.pieces.length,
  params: result.params,
  tokenizer: hfTokenizerFiles(vocabulary, tokenizerOptionsOf(manifest), config.model.maxPositions)
})

const showModels = (paths: ReadonlyArray<string>): string =>
  paths.flatMap((path, i) => factLines(i === 0 ? 'model' : '', path)).join('\n')

/** Everything after the last step: the model files, the report, and a look at what was learnt. */
export const close = (
  out: string,
  options: DeviceOptions & { readonly seed: number; readonly advice: Advice },
  config: ElectraConfig,
  corpus: Corpus,
  result: PretrainResult,
  console: Console
): Command => {
  const report = closingReport(result, config, corpus.vocabulary.pieces.length)
  if (!result.isComplete) {
    console.say(showReport(report, config))
    console.say(sentence(options.advice.goOn))
    console.json(report)
    return TE.right(exitCodes.interrupted)
  }
  return pipe(
    exportAll(out, modelOf(config, corpus, result)),
    TE.bindTo('models'),
    TE.bind('samples', () => judgeSentences(options, config, corpus, result)),
    // The last of a run's files: where it stands, all others do.
    TE.chainFirst(({ models }) =>
      pipe(
        writeFileWhole(join(out, reportName), `${JSON.stringify({ ...report, models }, null, 2)}\n`),
        TE.mapLeft(failedWith(showStoreError))
      )
    ),
    TE.map(({ models, samples }) => {
      console.say(showReport(report, config))
      console.say(showModels(models))
      if (samples !== undefined) console.say(`\n${showSamples(samples)}`)
      console.json({ ...report, models, samples: samples ?? null })
      return exitCodes.done
    })
  )
}

/** The report of a run that is finished already, with everything that it speaks of; nothing is computed or written for it. */
export const finishedReport = (
  out: string,
  identity: RunIdentity
): TE.TaskEither<PretrainError, KeptReport | undefined> =>
  pipe(
    readText(join(out, reportName), longestReport),
    TE.match(
      // A report that cannot be read is written again.
      () => undefined,
      (text) => pipe(parseReport(text), E.match(constUndefined, asItIs))
    ),
    TE.fromTask,
    TE.bindTo('report'),
    TE.bind('arePresent', ({ report }) =>
      pipe(
        report?.models ?? [],
        TE.traverseArray((path) => exists(join(out, 'model', basename(path)))),
        TE.map((there) => !there.includes(false))
      )
    ),
    TE.chainW(({ report, arePresent }) =>
      report?.complete !== true || !arePresent
        ? TE.right(undefined)
        : pipe(
            latestCheckpoint(join(out, 'checkpoints')),
            TE.chainEitherK((found) =>
              O.isNone(found)
                ? E.right(undefined)
                : pipe(
                    checkResume(identity, found.value.checkpoint.progress),
                    E.map(() => report)
                  )
            )
          )
    )
  )

export const showFinished = (report: KeptReport, config: ElectraConfig, console: Console): Command =>
  TE.fromIO(() => {
    console.say(showReport(report, config))
    console.say(showModels(report.models))
    console.json(report)
    return exitCodes.done
  })
