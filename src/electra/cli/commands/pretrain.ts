/** `pure-electra pretrain`: a run from a corpus to a trained model, or its continuation, by one process or several ranks. */

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { showStepError } from '../../../tensor/run/compile.js'
import { solo, together } from '../../../workers/index.js'
import type { ElectraConfig } from '../../config.js'
import { openCorpus, type Corpus } from '../../data/corpus.js'
import { showCorpusError } from '../../data/corpus-error.js'
import { discriminatorFrom, suspicions } from '../../predict.js'
import { showStoreError, type StoreError } from '../../store/errors.js'
import { exists, removeDirectory } from '../../store/files.js'
import { hfTokenizerFiles } from '../../store/hf-tokenizer.js'
import { exportModel, type TrainedModel } from '../../store/model-files.js'
import { pretrain as run, type PretrainError, type PretrainResult } from '../../training/pretrain.js'
import type { Console } from '../console.js'
import { choiceOf, withDevice, type DeviceOptions } from '../device.js'
import { loadConfig } from '../load-config.js'
import { exitCodes, failed, failedWith, wrongUsage, type Command, type Failure } from '../outcome.js'
import { trainingProgress } from '../progress.js'
import { closingReport, showReport } from '../report.js'
import { showSentences, suspectedSentences, type SuspectedSentence } from '../samples.js'
import { showPretrainError } from '../show-error.js'
import { interrupts } from '../signals.js'

export type PretrainCommandOptions = DeviceOptions & {
  /** A preset's name, or a JSON file. */
  readonly config: string
  readonly corpus: string
  readonly out: string
  readonly steps?: number
  readonly seed: number
  readonly workers: number
  readonly checkpointEvery?: number
  readonly keep?: number
  readonly resume: boolean
}

const halvesOf = ({ objective }: ElectraConfig): ReadonlyArray<'discriminator' | 'generator'> =>
  objective === 'mlm' ? ['generator'] : ['discriminator', 'generator']

/** Writes what the run trained as Hugging Face model directories, in place of any that are there. */
const exportAll = (out: string, model: TrainedModel): TE.TaskEither<Failure, ReadonlyArray<string>> => {
  const parent = join(out, 'model')
  return pipe(
    halvesOf(model.config),
    TE.traverseSeqArray((half) =>
      pipe(
        TE.fromTask<boolean, StoreError>(TE.toUnion(exists(join(parent, half)))),
        TE.chain((there) => (there ? removeDirectory(parent, half) : TE.right(undefined))),
        TE.chain(() => exportModel(join(parent, half), half, model))
      )
    ),
    TE.mapLeft(failedWith(showStoreError))
  )
}

const judgeSentences = (
  options: PretrainCommandOptions,
  config: ElectraConfig,
  corpus: Corpus,
  result: PretrainResult
): TE.TaskEither<Failure, ReadonlyArray<SuspectedSentence>> =>
  config.objective === 'mlm'
    ? TE.right([])
    : withDevice(options)((held) =>
        pipe(
          TE.fromEither(
            discriminatorFrom(config.model, corpus.vocabulary.pieces.length, result.params, 'discriminator.')
          ),
          TE.mapLeft((name) => failed(`the trained model lacks ${name}`)),
          TE.chain((trained) =>
            pipe(
              suspectedSentences(corpus, config.sequenceLength, result.last.replacedRate, suspicions(held, trained)),
              TE.mapLeft(failedWith(showStepError))
            )
          )
        )
      )

const modelOf = (config: ElectraConfig, { vocabulary, manifest }: Corpus, result: PretrainResult): TrainedModel => ({
  config,
  vocabSize: vocabulary.pieces.length,
  params: result.params,
  tokenizer: hfTokenizerFiles(vocabulary, manifest.tokenizer, config.model.maxPositions)
})

/** Everything after the last step: the model files, the report, and a look at what was learnt. */
const close = (
  options: PretrainCommandOptions,
  config: ElectraConfig,
  corpus: Corpus,
  result: PretrainResult,
  console: Console
): Command => {
  const report = closingReport(result, config, corpus.vocabulary.pieces.length)
  const reportPath = join(options.out, 'report.json')
  if (!result.isComplete) {
    console.say(showReport(report, config))
    console.say(`Continue with --resume.`)
    console.json(report)
    return TE.right(exitCodes.interrupted)
  }
  return pipe(
    exportAll(options.out, modelOf(config, corpus, result)),
    TE.bindTo('models'),
    TE.bind('sentences', () => judgeSentences(options, config, corpus, result)),
    TE.chainFirst(({ models }) =>
      TE.tryCatch(
        () => writeFile(reportPath, `${JSON.stringify({ ...report, models }, null, 2)}\n`),
        (cause) =>
          failed(`${reportPath}: could not write it: ${cause instanceof Error ? cause.message : String(cause)}`)
      )
    ),
    TE.map(({ models, sentences }) => {
      console.say(showReport(report, config))
      console.say(`model               ${models.join(', ')}`)
      if (sentences.length > 0) console.say(`\n${showSentences(sentences)}`)
      console.json({ ...report, models, sentences })
      return exitCodes.done
    })
  )
}

/** How it ends where it fails. What another rank says, this one does not. */
const ending = (e: Failure | PretrainError): Command => {
  if (!('_tag' in e)) return TE.left(e)
  if (e._tag === 'FailedElsewhere') return TE.right(exitCodes.failed)
  return TE.left((e._tag === 'WrongRankCount' ? wrongUsage : failed)(showPretrainError(e)))
}

export const pretrain = (options: PretrainCommandOptions, console: Console, ranks = solo): Command =>
  pipe(
    loadConfig(options.config),
    TE.bindTo('config'),
    TE.bind('corpus', () => pipe(openCorpus(options.corpus), TE.mapLeft(failedWith(showCorpusError)))),
    TE.bind('choice', () => TE.fromIOEither(choiceOf(options))),
    together(ranks),
    TE.chainW(({ config, corpus, choice }) => {
      const progress = trainingProgress(console)
      const signals = interrupts(console)()
      return pipe(
        run({
          config,
          corpus,
          seed: options.seed,
          totalSteps: options.steps ?? config.training.steps,
          out: options.out,
          pool: { workers: options.workers, choice },
          ranks,
          checkpointEvery: options.checkpointEvery ?? config.training.checkpointEvery,
          keepCheckpoints: options.keep ?? config.training.keepCheckpoints,
          resume: options.resume,
          shouldStop: signals.isInterrupted,
          observe: progress.observe
        }),
        (training) => () =>
          training().finally(() => {
            signals.release()
            progress.stop()
          }),
        TE.chainW((result) =>
          ranks.rank === 0
            ? close(options, config, corpus, result, console)
            : TE.right(result.isComplete ? exitCodes.done : exitCodes.interrupted)
        )
      )
    }),
    TE.orElse(ending)
  )
