/** `pure-electra pretrain`: a run from a corpus to a trained model, or its continuation, by one process or several ranks. */

import { Option, type Command as Program } from 'commander'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as O from 'fp-ts/lib/Option.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Precision } from '../../../tensor/run/choose.js'
import { solo, type Ranks } from '../../../workers/index.js'
import { together } from '../../../workers/ranks/ranks.js'
import type { ElectraConfig } from '../../config/config.js'
import { openCorpus } from '../../data/corpus/corpus.js'
import { showCorpusError } from '../../data/corpus-error.js'
import { objectiveOf } from '../../objective/table.js'
import type { RunIdentity } from '../../store/checkpoints/checkpoint-state.js'
import { showStoreError } from '../../store/errors.js'
import { readInitialWeights, showInitialWeights, type InitialWeights } from '../../store/models/initial-weights.js'
import { identityOf, pretrainThen } from '../../pretraining/pretrain.js'
import { piecesOf } from '../../pretraining/problem.js'
import { countings, type Counting } from '../../flops/run-compute.js'
import { affordable } from '../../pretraining/compute.js'
import { shareFirst } from '../../training/rank-agreement.js'
import type { RunError } from '../../training/run.js'
import { readRecord, type RunRecord } from '../../training/run-record.js'
import { pretrainAdvice, type Advice } from '../advice.js'
import { close, finishedReport, showFinished, type Trained } from '../closing.js'
import type { Console } from '../console.js'
import { counted } from '../../counted.js'
import { choiceOf } from '../device.js'
import { loadConfig } from '../load-config.js'
import { exitCodes, failedWith, wrongUsage, type Command, type ExitCode, type Failure } from '../outcome.js'
import { trainingProgress } from '../progress.js'
import type { KeptReport } from '../../report/closing-report.js'
import {
  ending,
  executionOf,
  expectHalfPrecision,
  noteShards,
  notePrecision,
  noteWorkers,
  precisionOf,
  type AskedExecution,
  type ChosenExecution
} from '../run-command.js'
import { showRunError } from '../show-error.js'
import { interrupts, type Interrupts } from '../signals.js'
import {
  adapterOption,
  amount,
  configSource,
  deviceOption,
  jsonOption,
  keptOption,
  matmulOption,
  positive,
  precisionOption,
  relaxedSimdOption,
  seedOption,
  setOption
} from '../arguments.js'
import { examples, finish, type WithJson } from '../finish.js'
import { asRank } from '../as-rank.js'

export type PretrainCommandOptions = AskedExecution & {
  /** A preset's name, or a JSON file. */
  readonly config: string
  /** Values laid over it, as `optimizer.learningRate=1e-3`. */
  readonly set?: ReadonlyArray<string>
  readonly corpus: string
  readonly out: string
  readonly steps?: number
  /** In place of steps: how many operations the run may take. */
  readonly flops?: number
  readonly flopsAccounting?: Counting
  readonly seed: number
  readonly resume: boolean
  readonly allowOtherBits?: boolean
  /** A finished run, or a model directory, whose weights a new run starts from. */
  readonly init?: string
  /** Of the command that asks for it, where that is another one. */
  readonly advice?: Advice
}

const adviceOf = ({ advice = pretrainAdvice }: PretrainCommandOptions): Advice => advice

/** Steps are counted in 32 bits. */
const mostSteps = 2 ** 31 - 1

const showFlops = (flops: number): string => flops.toExponential(4)

const countedBy: Readonly<Record<Counting, string>> = {
  published: "by the paper's count",
  sparse: "by the paper's count with words looked up",
  executed: 'as programs execute it'
}

/** As many as are asked for, as the given amount of arithmetic is enough for, or as the configuration says. */
const totalStepsOf = (
  { steps, flops, flopsAccounting }: PretrainCommandOptions,
  trained: Trained,
  console: Console
): E.Either<Failure, number> => {
  if (flops === undefined)
    return flopsAccounting === undefined
      ? E.right(steps ?? trained.config.training.steps)
      : E.left(wrongUsage(`--flops-accounting: found ${flopsAccounting} without --flops, expected both`))
  const counting = flopsAccounting ?? 'published'
  return pipe(
    affordable(trained, flops, counting),
    E.mapLeft(failedWith(showRunError)),
    E.chain(({ steps: enough, flopsPerStep: each }) => {
      if (enough < 1)
        return E.left(wrongUsage(`--flops: found ${flops}, expected ${each} at least: a step, ${countedBy[counting]}`))
      if (enough > mostSteps)
        return E.left(
          wrongUsage(
            `--flops: found ${flops}, which is enough for ${counted(enough, 'step')}, expected ${mostSteps} steps at most`
          )
        )
      console.note(
        `${showFlops(flops)} operations: ${counted(enough, 'step')} of ${showFlops(each)} each, ${countedBy[counting]}`
      )
      return E.right(enough)
    })
  )
}

const initialOf = (
  directory: string | undefined,
  { config, corpus: { vocabulary }, objective }: Trained,
  console: Console
): TE.TaskEither<Failure, InitialWeights | undefined> =>
  directory === undefined
    ? TE.right(undefined)
    : pipe(
        readInitialWeights(directory, { config, vocabSize: vocabulary.pieces.length, objective }, vocabulary),
        TE.bimap(failedWith(showStoreError), (weights) => {
          const receiver = { config, vocabSize: vocabulary.pieces.length, objective }
          console.note(showInitialWeights(directory, receiver, weights))
          return weights
        })
      )

/** A run whose rate only ever rises is seldom meant. */
const noteWarmup = ({ optimizer }: ElectraConfig, totalSteps: number, console: Console): void => {
  const { warmupSteps, learningRate } = optimizer
  if (warmupSteps >= totalSteps)
    console.note(
      `warning: the warm-up of ${counted(warmupSteps, 'step')} does not end within the run's ${totalSteps}: the learning rate never ` +
        `reaches ${learningRate}; set another with --set optimizer.warmupSteps=${Math.max(1, Math.floor(totalSteps / 10))}`
    )
}

/** What a run is made of. */
type Given = Trained & { readonly initial: InitialWeights | undefined; readonly totalSteps: number }

const train = (
  options: PretrainCommandOptions,
  { initial, totalSteps, ...trained }: Given,
  execution: ChosenExecution,
  console: Console,
  ranks: Ranks,
  signals: Interrupts
): TE.TaskEither<Failure | RunError, ExitCode> => {
  const { config, corpus, objective } = trained
  noteWarmup(config, totalSteps, console)
  const progress = trainingProgress(console, objective.columns)
  const { workers, checkpointEvery, keepCheckpoints, precision } = execution
  const { out, resume, allowOtherBits, seed } = options
  noteWorkers(execution, console)
  noteShards(execution, config, console)
  if (resume) notePrecision(execution, console)
  return pipe(
    TE.fromEither(resume ? E.right(undefined) : expectHalfPrecision(execution)),
    TE.chainIOEitherK(() => choiceOf(execution)),
    together(ranks),
    TE.chainW((choice) =>
      pretrainThen({
        config,
        corpus,
        seed,
        totalSteps,
        precision,
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
          ? close(out, { ...execution, seed, advice: adviceOf(options) }, trained, result, console)
          : TE.right<Failure, ExitCode>(result.isComplete ? exitCodes.done : exitCodes.interrupted)
      })
    ),
    (training) => () => training().finally(progress.stop)
  )
}

/** What a resume finds, by the eyes of the first rank. */
type Resumed = { readonly finished: KeptReport | undefined; readonly record: RunRecord | undefined }

const resumed = (
  options: PretrainCommandOptions,
  identity: (precision: Precision) => RunIdentity,
  ranks: Ranks
): TE.TaskEither<RunError, Resumed> =>
  pipe(
    options.resume && ranks.rank === 0
      ? pipe(
          readRecord(options.out),
          TE.map(O.toUndefined),
          TE.bindTo('record'),
          TE.bindW('finished', ({ record }) => finishedReport(options.out, identity(precisionOf(options, record))))
        )
      : TE.right<RunError, Resumed>({ finished: undefined, record: undefined }),
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
    TE.let('objective', ({ config, corpus }) => objectiveOf(config, piecesOf(corpus))),
    TE.bind('totalSteps', (trained) => TE.fromEither(totalStepsOf(options, trained, console))),
    TE.bind('initial', (trained) => initialOf(options.init, trained, console)),
    together(ranks),
    TE.bindW('resumed', ({ config, corpus, totalSteps }) =>
      resumed(options, (precision) => identityOf({ config, corpus, seed: options.seed, totalSteps, precision }), ranks)
    ),
    TE.chainW(({ resumed: { finished, record }, ...given }): TE.TaskEither<Failure | RunError, ExitCode> =>
      finished === undefined
        ? train(options, given, executionOf(options, given.config.training, record), console, ranks, signals)
        : ranks.rank === 0
          ? showFinished(finished, given.objective.columns, console)
          : TE.right(exitCodes.done)
    ),
    TE.orElse(ending(adviceOf(options)))
  )
  return () => command().finally(signals.release)
}

export const declarePretrain = (root: Program): void => {
  root
    .command('pretrain')
    .description('pre-train a model on a corpus, or continue a run that was begun')
    .option('--config <name|file>', configSource, 'demo')
    .addOption(setOption())
    .requiredOption('--corpus <dir>', 'a corpus made by `corpus build`')
    .requiredOption('--out <dir>', "the run's directory: metrics, checkpoints, the trained model")
    .option('--steps <n>', "the schedule's total number of steps (default: the configuration's)", positive)
    .addOption(
      new Option(
        '--flops <n>',
        'as many steps as this many operations are enough for, as 1e15: runs of matched compute'
      )
        .argParser(amount)
        .conflicts('steps')
    )
    .addOption(
      new Option(
        '--flops-accounting <name>',
        'how --flops is counted: as the paper does, with words looked up, or as our programs execute it (default: published)'
      ).choices(countings)
    )
    .addOption(seedOption())
    .option('--workers <n>', 'worker threads (default: 1)', positive)
    .addOption(keptOption(deviceOption()))
    .addOption(adapterOption())
    .addOption(keptOption(precisionOption()))
    .addOption(keptOption(matmulOption()))
    .addOption(keptOption(relaxedSimdOption()))
    .option('--checkpoint-every <k>', "steps between checkpoints (default: the configuration's)", positive)
    .option('--keep <n>', "checkpoints to keep beside the best (default: the configuration's)", positive)
    .addOption(
      new Option(
        '--init <dir>',
        'start from the weights of a finished run or a Hugging Face ELECTRA directory; the schedule begins anew'
      ).conflicts('resume')
    )
    .option(
      '--resume',
      'continue from the last checkpoint in --out: with the workers, device, precision, multiplier and checkpoints that it had, where none are given',
      false
    )
    .option('--allow-other-bits', 'resume on another device or multiplier, though it rounds otherwise', false)
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        'pretrain --config tiny --corpus corpus --out runs/tiny --steps 1000 --workers 2',
        'pretrain --config tiny --corpus corpus --out runs/tiny --steps 1000 --resume',
        'pretrain --config small --set optimizer.learningRate=1e-3 --corpus corpus --out runs/small',
        'pretrain --config small --set sequenceLength=512 --init runs/small --corpus corpus --out runs/small-512',
        'pretrain --config small --flops 1e15 --corpus corpus --out runs/small',
        'pretrain --config my.json --corpus corpus --out runs/mine --matmul gpu.js'
      ) +
        '\n\nSeveral processes make one run where mpirun, srun or another launcher of MPI starts them; the number of them divides' +
        "\nthe configuration's shards, and each has its own --workers:" +
        '\n  $ mpirun -n 2 --bind-to none pure-electra pretrain --config tiny --corpus corpus --out runs/tiny --workers 4' +
        '\n\nExit codes: 0 finished, 1 failed, 2 wrong usage, 130 interrupted with the state saved.'
    )
    .action((options: PretrainCommandOptions & WithJson) =>
      finish(options, (console) => asRank(console, (ranks, speaking) => pretrain(options, speaking, ranks)))
    )
}
