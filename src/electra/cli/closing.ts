/**
 * What a run leaves when its last step is taken: the model as files, the report, a look at what was learnt.
 */

import { basename, join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { constUndefined, identity as asItIs, pipe } from 'fp-ts/lib/function.js'
import * as O from 'fp-ts/lib/Option.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Params } from '../../nn/index.js'
import { showStepError } from '../../tensor/run/step-error.js'
import type { ElectraConfig } from '../config/config.js'
import type { Corpus } from '../data/corpus/corpus.js'
import { tokenizerOptionsOf } from '../data/corpus/manifest.js'
import { storedParams } from '../model/stored-params.js'
import type { Objective } from '../objective/objective.js'
import { judgedReplacements } from '../replacements.js'
import { latestCheckpoint } from '../store/checkpoints/checkpoint.js'
import type { RunIdentity } from '../store/checkpoints/checkpoint-state.js'
import { showStoreError } from '../store/errors.js'
import { exists, readText, writeFileWhole } from '../store/files/files.js'
import { hfTokenizerFiles } from '../store/models/hf-tokenizer.js'
import { replaceModel, type TrainedModel } from '../store/models/model-files.js'
import { checkResume } from '../store/checkpoints/resume.js'
import { computeOf } from '../pretraining/compute.js'
import { runKeys } from '../pretraining/keys.js'
import { piecesOf } from '../pretraining/problem.js'
import type { Column } from '../training/columns.js'
import type { RunError, RunResult } from '../training/run.js'
import { sentence, type Advice } from './advice.js'
import type { Console } from './console.js'
import { withDevice, type DeviceOptions } from './device.js'
import { exitCodes, failed, failedWith, type Command, type Failure } from './outcome.js'
import { factLines, showReport } from './report.js'
import {
  closingReport,
  longestReport,
  parseReport,
  reportName,
  type KeptReport,
  type Samples
} from '../report/closing-report.js'
import { showRunError } from './show-error.js'
import { judgedSamples, showSamples } from './samples.js'

/** What is trained on what. */
export type Trained = { readonly config: ElectraConfig; readonly corpus: Corpus; readonly objective: Objective }

/** Writes what the run trained as Hugging Face model directories, in place of any that are there. */
const exportAll = (
  out: string,
  { exports }: Objective,
  model: TrainedModel
): TE.TaskEither<Failure, ReadonlyArray<string>> =>
  pipe(
    exports,
    TE.traverseSeqArray((exported) => replaceModel(join(out, 'model', exported.name), exported, model)),
    TE.mapLeft(failedWith(showStoreError))
  )

/** What the networks make of a few held-out sentences; nothing for an objective without a discriminator. */
export const judgeSentences = (
  options: DeviceOptions & { readonly seed: number },
  { config, corpus, objective }: Trained,
  result: Pick<RunResult, 'params'>
): TE.TaskEither<Failure, Samples | undefined> => {
  const { judged } = objective
  return judged === undefined
    ? TE.right(undefined)
    : withDevice(options)((held) =>
        pipe(
          TE.fromEither(storedParams(result.params)<Params>(objective.parameters)),
          TE.mapLeft((name) => failed(`the trained model lacks ${name}`)),
          TE.chain((params) => {
            const pieces = piecesOf(corpus)
            const judge = judgedReplacements(held, config, judged, params, pieces, runKeys(options.seed).samples)
            return pipe(judgedSamples(corpus, config.sequenceLength, judge), TE.mapLeft(failedWith(showStepError)))
          })
        )
      )
}

const modelOf = ({ config, corpus: { vocabulary, manifest } }: Trained, result: RunResult): TrainedModel => ({
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
  trained: Trained,
  result: RunResult,
  console: Console
): Command => {
  const { columns } = trained.objective
  if (!result.isComplete) {
    const report = closingReport(result, columns)
    console.say(showReport(report, columns))
    console.say(sentence(options.advice.goOn))
    console.json(report)
    return TE.right(exitCodes.interrupted)
  }
  return pipe(
    exportAll(out, trained.objective, modelOf(trained, result)),
    TE.bindTo('models'),
    TE.bind('samples', () => judgeSentences(options, trained, result)),
    TE.bind('report', () =>
      pipe(
        TE.fromEither(computeOf(trained, result.step)),
        TE.bimap(failedWith(showRunError), (compute) => closingReport(result, columns, compute))
      )
    ),
    // The last of a run's files: where it stands, all others do.
    TE.chainFirst(({ models, report, samples }) =>
      pipe(
        writeFileWhole(
          join(out, reportName),
          `${JSON.stringify({ ...report, models, ...(samples === undefined ? {} : { samples }) }, null, 2)}\n`
        ),
        TE.mapLeft(failedWith(showStoreError))
      )
    ),
    TE.map(({ models, samples, report }) => {
      console.say(showReport(report, columns))
      console.say(showModels(models))
      if (samples !== undefined) console.say(`\n${showSamples(samples)}`)
      console.json({ ...report, models, samples: samples ?? null })
      return exitCodes.done
    })
  )
}

/** The report of a run that is finished already, with everything that it speaks of; nothing is computed or written for it. */
export const finishedReport = (out: string, identity: RunIdentity): TE.TaskEither<RunError, KeptReport | undefined> =>
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
                    checkResume(identity, found.value.checkpoint.progress.identity),
                    E.map(() => report)
                  )
            )
          )
    )
  )

export const showFinished = (report: KeptReport, columns: ReadonlyArray<Column>, console: Console): Command =>
  TE.fromIO(() => {
    console.say(showReport(report, columns))
    console.say(showModels(report.models))
    console.json(report)
    return exitCodes.done
  })
