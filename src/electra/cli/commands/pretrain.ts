/** `pure-electra pretrain`: a run from a corpus to a trained model, or its continuation, by one process or several ranks. */

import { availableParallelism } from 'node:os'
import { basename, join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { constUndefined, identity as asItIs, pipe } from 'fp-ts/lib/function.js'
import * as O from 'fp-ts/lib/Option.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { deviceNames, multiplierNames } from '../../../tensor/run/choose.js'
import { showStepError } from '../../../tensor/run/compile.js'
import { solo, together, type Ranks } from '../../../workers/index.js'
import type { ElectraConfig } from '../../config.js'
import { openCorpus, type Corpus } from '../../data/corpus.js'
import { showCorpusError } from '../../data/corpus-error.js'
import { tokenizerOptionsOf } from '../../data/manifest.js'
import { judgedReplacements, jointParamsFrom } from '../../replacements.js'
import { showStoreError } from '../../store/errors.js'
import { latestCheckpoint } from '../../store/checkpoint.js'
import type { RunIdentity } from '../../store/checkpoint-state.js'
import { exists, readText, writeFileWhole } from '../../store/files.js'
import { checkResume } from '../../store/resume.js'
import { hfTokenizerFiles } from '../../store/hf-tokenizer.js'
import { readInitialWeights, showInitialWeights, type InitialWeights } from '../../store/initial-weights.js'
import { replaceModel, type TrainedModel } from '../../store/model-files.js'
import { runKeys } from '../../training/keys.js'
import { shareFirst } from '../../training/past.js'
import { pretrainThen, type PretrainError, type PretrainResult } from '../../training/pretrain.js'
import { readRecord, type RunRecord } from '../../training/run-record.js'
import type { Console } from '../console.js'
import { choiceOf, withDevice, type DeviceOptions } from '../device.js'
import { loadConfig } from '../load-config.js'
import { exitCodes, failed, failedWith, wrongUsage, type Command, type ExitCode, type Failure } from '../outcome.js'
import { trainingProgress } from '../progress.js'
import { closingReport, longestReport, parseReport, reportName, showReport, type KeptReport } from '../report.js'
import { judgedSamples, showSamples, type Samples } from '../samples.js'
import { showPretrainError } from '../show-error.js'
import { interrupts, type Interrupts } from '../signals.js'

export type PretrainCommandOptions = Partial<DeviceOptions> & {
  /** A preset's name, or a JSON file. */
  readonly config: string
  /** Values laid over it, as `optimizer.learningRate=1e-3`. */
  readonly set?: ReadonlyArray<string>
  readonly corpus: string
  readonly out: string
  readonly steps?: number
  readonly seed: number
  readonly workers?: number
  readonly checkpointEvery?: number
  readonly keep?: number
  readonly resume: boolean
  readonly allowOtherBits?: boolean
  /** A finished run, or a model directory, whose weights a new run starts from. */
  readonly init?: string
}

/** How a run is driven: as it was asked for, else as it was before, else as its configuration says. */
type Drive = DeviceOptions & {
  readonly workers: number
  readonly checkpointEvery: number
  readonly keepCheckpoints: number
}

const driveOf = (
  options: PretrainCommandOptions,
  { training }: ElectraConfig,
  record: RunRecord | undefined
): Drive => {
  const before = record?.starts.at(-1)
  return {
    device: options.device ?? deviceNames.find((name) => name === before?.device) ?? 'auto',
    matmul: options.matmul ?? multiplierNames.find((name) => name === before?.multiplier) ?? 'auto',
    relaxedSimd: options.relaxedSimd ?? before?.relaxedSimd ?? false,
    workers: options.workers ?? before?.workers ?? 1,
    checkpointEvery: options.checkpointEvery ?? record?.checkpointEvery ?? training.checkpointEvery,
    keepCheckpoints: options.keep ?? record?.keepCheckpoints ?? training.keepCheckpoints
  }
}

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

/** Everything after the last step: the model files, the report, and a look at what was learnt. */
const close = (
  out: string,
  options: DeviceOptions & { readonly seed: number },
  config: ElectraConfig,
  corpus: Corpus,
  result: PretrainResult,
  console: Console
): Command => {
  const report = closingReport(result, config, corpus.vocabulary.pieces.length)
  if (!result.isComplete) {
    console.say(showReport(report, config))
    console.say(`Continue with --resume.`)
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
      console.say(`model               ${models.join(', ')}`)
      if (samples !== undefined) console.say(`\n${showSamples(samples)}`)
      console.json({ ...report, models, samples: samples ?? null })
      return exitCodes.done
    })
  )
}

/** The report of a run that is finished already, with everything that it speaks of; nothing is computed or written for it. */
const finishedReport = (out: string, identity: RunIdentity): TE.TaskEither<PretrainError, KeptReport | undefined> =>
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

const showFinished = (report: KeptReport, config: ElectraConfig, console: Console): Command =>
  TE.fromIO(() => {
    console.say(showReport(report, config))
    console.say(`model               ${report.models.join(', ')}`)
    console.json(report)
    return exitCodes.done
  })

/** How it ends where it fails. What another rank says, this one does not. */
const ending = (e: Failure | PretrainError): Command => {
  if (!('_tag' in e)) return TE.left(e)
  if (e._tag === 'FailedElsewhere') return TE.right(exitCodes.failed)
  return TE.left((e._tag === 'WrongRankCount' ? wrongUsage : failed)(showPretrainError(e)))
}

const identityOf = (options: PretrainCommandOptions, config: ElectraConfig, corpus: Corpus): RunIdentity => ({
  config,
  corpusSha256: corpus.manifest.sha256,
  seed: options.seed,
  totalSteps: options.steps ?? config.training.steps
})

const initialOf = (
  directory: string | undefined,
  config: ElectraConfig,
  { vocabulary }: Corpus,
  console: Console
): TE.TaskEither<Failure, InitialWeights | undefined> =>
  directory === undefined
    ? TE.right(undefined)
    : pipe(
        readInitialWeights(directory, config, vocabulary),
        TE.bimap(failedWith(showStoreError), (weights) => {
          console.note(showInitialWeights(directory, config, weights))
          return weights
        })
      )

/** A run whose rate only ever rises is seldom meant. */
const noteWarmup = ({ optimizer }: ElectraConfig, totalSteps: number, console: Console): void => {
  const { warmupSteps, learningRate } = optimizer
  if (warmupSteps >= totalSteps)
    console.note(
      `warning: the warm-up of ${warmupSteps} steps does not end within the run's ${totalSteps}: the learning rate never ` +
        `reaches ${learningRate}; set another with --set optimizer.warmupSteps=${Math.max(1, Math.floor(totalSteps / 10))}`
    )
}

/** What a run is made of. */
type Given = {
  readonly config: ElectraConfig
  readonly corpus: Corpus
  readonly initial: InitialWeights | undefined
}

const train = (
  options: PretrainCommandOptions,
  { config, corpus, initial }: Given,
  drive: Drive,
  console: Console,
  ranks: Ranks,
  signals: Interrupts
): TE.TaskEither<Failure | PretrainError, ExitCode> => {
  const totalSteps = options.steps ?? config.training.steps
  noteWarmup(config, totalSteps, console)
  const progress = trainingProgress(console)
  const { workers, checkpointEvery, keepCheckpoints } = drive
  const { out, resume, allowOtherBits, seed } = options
  const cores = availableParallelism()
  if (workers > cores)
    console.note(
      `${workers} workers on ${cores} ${cores === 1 ? 'core' : 'cores'}: more than run at once. Each takes memory and a moment to start, and none beyond ${cores} makes a step faster.`
    )
  return pipe(
    TE.fromIOEither(choiceOf(drive)),
    together(ranks),
    TE.chainW((choice) =>
      pretrainThen({
        config,
        corpus,
        seed,
        totalSteps,
        initial,
        out,
        pool: { workers, choice },
        ranks,
        checkpointEvery,
        keepCheckpoints,
        resume,
        allowOtherBits,
        shouldStop: signals.isInterrupted,
        observe: progress.observe
      })((result) => {
        progress.stop()
        // Of a run that is complete all is saved, and what is left may be done by a resume.
        if (result.isComplete) signals.release()
        return ranks.rank === 0
          ? close(out, { ...drive, seed }, config, corpus, result, console)
          : TE.right<Failure, ExitCode>(result.isComplete ? exitCodes.done : exitCodes.interrupted)
      })
    ),
    (training) => () => training().finally(progress.stop)
  )
}

/** What a resume finds, by the eyes of the first rank. */
type Resumed = { readonly finished: KeptReport | undefined; readonly record: RunRecord | undefined }

const resumed = (
  { out, resume }: PretrainCommandOptions,
  identity: RunIdentity,
  ranks: Ranks
): TE.TaskEither<PretrainError, Resumed> =>
  pipe(
    resume && ranks.rank === 0
      ? pipe(
          finishedReport(out, identity),
          TE.bindTo('finished'),
          TE.bindW('record', () => pipe(readRecord(out), TE.map(O.toUndefined)))
        )
      : TE.right<PretrainError, Resumed>({ finished: undefined, record: undefined }),
    together(ranks),
    TE.chainW(shareFirst(ranks))
  )

export const pretrain = (options: PretrainCommandOptions, console: Console, ranks = solo): Command => {
  // From the first moment on: whoever is told that it was interrupted is told that the state is saved.
  const signals = interrupts(console)()
  const command = pipe(
    loadConfig(options.config, options.set),
    TE.bindTo('config'),
    TE.bind('corpus', () => pipe(openCorpus(options.corpus), TE.mapLeft(failedWith(showCorpusError)))),
    TE.bind('initial', ({ config, corpus }) => initialOf(options.init, config, corpus, console)),
    together(ranks),
    TE.bindW('resumed', ({ config, corpus }) => resumed(options, identityOf(options, config, corpus), ranks)),
    TE.chainW(
      ({ config, corpus, initial, resumed: { finished, record } }): TE.TaskEither<Failure | PretrainError, ExitCode> =>
        finished === undefined
          ? train(options, { config, corpus, initial }, driveOf(options, config, record), console, ranks, signals)
          : ranks.rank === 0
            ? showFinished(finished, config, console)
            : TE.right(exitCodes.done)
    ),
    TE.orElse(ending)
  )
  return () => command().finally(signals.release)
}
