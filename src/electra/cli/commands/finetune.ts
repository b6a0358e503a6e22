/** `pure-electra finetune`: a task learnt on an encoder, in one trial or several. */

import { join } from 'node:path'
import { Option, type Command as Program } from 'commander'
import { pipe } from 'fp-ts/lib/function.js'
import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { openTokenizer, showTokenizerError } from '../../data/vocabulary/tokenizer.js'
import { loadCheckpoint, checkpointPath } from '../../store/checkpoints/checkpoint.js'
import { showStoreError } from '../../store/errors.js'
import { exists, writeFileWhole, makeDirectories } from '../../store/files/files.js'
import { hfTokenizerFiles } from '../../store/models/hf-tokenizer.js'
import { replaceTaskModel } from '../../store/models/task-model-files.js'
import { showTaskDataError } from '../../tasks/data/data-error.js'
import { readEncoder, type Encoder } from '../../tasks/encoder.js'
import { tableTask } from '../../tasks/families/own-table.js'
import { judgements, settingsOf, trialRun, type Trial } from '../../tasks/finetune.js'
import type { HeadKind } from '../../tasks/heads/task-network.js'
import { lossColumn, trainingRows } from '../../tasks/problem.js'
import { batchesPerEpoch, recipeFor, type Recipe, type RecipeChanges } from '../../tasks/recipe.js'
import { taskNamed, tasks } from '../../tasks/table.js'
import type { Judgement, PreparedTask, Task } from '../../tasks/task.js'
import type { Column, Report } from '../../training/columns.js'
import type { RunError, RunResult } from '../../training/run.js'
import { trainThen } from '../../training/train.js'
import { pretrainAdvice, sentence } from '../advice.js'
import {
  deviceOption,
  amountFromZero,
  factor,
  jsonOption,
  matmulOption,
  positive,
  relaxedSimdOption,
  seedOption
} from '../arguments.js'
import { finishedReport } from '../closing.js'
import type { Console } from '../console.js'
import { choiceOf, type DeviceOptions } from '../device.js'
import { examples, finish, type WithJson } from '../finish.js'
import { exitCodes, failed, failedWith, wrongUsage, type Command, type ExitCode, type Failure } from '../outcome.js'
import { trainingProgress } from '../progress.js'
import { closingReport, reportName, showReport } from '../report.js'
import { showRunError } from '../show-error.js'
import { interrupts, type Interrupts } from '../signals.js'
import { showSummaries, summaries } from '../trials.js'

export type FinetuneOptions = DeviceOptions &
  Omit<RecipeChanges, 'layerDecayExponent'> & {
    readonly task: string
    readonly model: string
    readonly data?: string
    readonly out: string
    readonly trials: number
    readonly seed: number
    readonly checkpoint: 'last' | 'best'
    readonly head: HeadKind
    readonly dev?: string
    readonly limit?: number
    readonly fromScratch: boolean
    readonly workers: number
    readonly resume: boolean
    readonly layerDecayExponent?: Recipe['layerDecayExponent']
    readonly train?: string
    readonly test?: string
    readonly textA?: string
    readonly textB?: string
    readonly label?: string
    readonly regression: boolean
  }

type Chosen = { readonly task: Task; readonly directory: string; readonly dev?: string }

const chosen = (options: FinetuneOptions): E.Either<Failure, Chosen> => {
  const { task: name, data, dev, train, textA, textB, label, test, regression } = options
  if (name === 'sentence')
    return train === undefined || dev === undefined || textA === undefined || label === undefined
      ? E.left(wrongUsage('--task sentence: expected --train, --dev, --text-a and --label'))
      : E.right({
          task: tableTask({ train, dev, test, textA, textB, label, isRegression: regression }),
          directory: '.'
        })
  const task = taskNamed(name)
  if (task === undefined)
    return E.left(
      wrongUsage(`--task: found '${name}', expected one of ${tasks.map((t) => t.name).join(', ')}, or sentence`)
    )
  return data === undefined
    ? E.left(wrongUsage(`--task ${name}: expected --data, the directory of its files`))
    : E.right({ task, directory: data, ...(dev === undefined ? {} : { dev }) })
}

/** What all trials have in common. */
type Given = {
  readonly name: string
  readonly encoder: Encoder
  readonly prepared: PreparedTask
  readonly recipe: Recipe
  readonly columns: ReadonlyArray<Column>
}

const given = (options: FinetuneOptions, console: Console): TE.TaskEither<Failure, Given> =>
  pipe(
    TE.fromEither(chosen(options)),
    TE.bindTo('choice'),
    TE.bind('encoder', () => pipe(readEncoder(options.model), TE.mapLeft(failedWith(showStoreError)))),
    TE.let('recipe', ({ choice: { task }, encoder: { network } }) =>
      recipeFor(
        network,
        { ...task.defaults, sequenceLength: Math.min(task.defaults.sequenceLength, network.maxPositions) },
        options
      )
    ),
    TE.filterOrElse(
      ({ recipe, encoder: { network } }) => recipe.sequenceLength <= network.maxPositions,
      ({ encoder: { network } }): Failure =>
        wrongUsage(`--sequence-length: expected at most ${network.maxPositions}, the positions of ${options.model}`)
    ),
    TE.bind('tokenizer', ({ encoder: { tokenizing } }) =>
      pipe(
        openTokenizer(tokenizing.vocabulary, tokenizing.options, tokenizing.added),
        E.mapLeft(failedWith(showTokenizerError)),
        TE.fromEither
      )
    ),
    TE.bind('prepared', ({ choice: { task, directory, dev }, encoder: { network }, recipe, tokenizer }) =>
      pipe(
        task.prepare(directory, {
          size: {
            model: { ...network, hiddenDropout: recipe.dropout, attentionDropout: recipe.dropout },
            vocabSize: network.vocabSize
          },
          tokenizer,
          sequenceLength: recipe.sequenceLength,
          head: options.head,
          dropout: recipe.dropout,
          ...(dev === undefined ? {} : { dev })
        }),
        TE.mapLeft((e) => failed(e._tag === 'TokenizerFailed' ? showTokenizerError(e) : showTaskDataError(e)))
      )
    ),
    TE.map(({ choice: { task }, encoder, prepared, recipe }) => {
      for (const [name, { left }] of Object.entries(prepared.splits))
        for (const what of left) console.note(`${name}: left out ${what}`)
      return { name: task.name, encoder, prepared, recipe, columns: [lossColumn, ...prepared.columns] }
    })
  )

type TrialResult = { readonly seed: number; readonly splits: Readonly<Record<string, Report>> }

const stored = TE.mapLeft(failedWith(showStoreError))

/** The parameters that are judged: those of the end, or of the evaluation with the least loss. */
const judgedParams = (
  { checkpoint }: FinetuneOptions,
  out: string,
  { best, params }: RunResult
): TE.TaskEither<Failure, RunResult['params']> =>
  checkpoint === 'last' || best === undefined
    ? TE.right(params)
    : pipe(
        loadCheckpoint(checkpointPath(join(out, 'checkpoints'), best.step)),
        TE.bimap(failedWith(showStoreError), (loaded) => loaded.params)
      )

const writePredictions = (
  out: string,
  judged: Readonly<Record<string, Judgement>>
): TE.TaskEither<Failure, unknown> => {
  const files = Object.values(judged).flatMap(({ files: texts }) => Object.entries(texts))
  return pipe(
    makeDirectories(join(out, 'predictions')),
    TE.chain(() =>
      pipe(
        files,
        TE.traverseSeqArray(([name, text]) => writeFileWhole(join(out, 'predictions', name), text))
      )
    ),
    stored
  )
}

const exportModel = (
  out: string,
  { encoder: { network, tokenizing }, prepared: { exported }, recipe: { dropout } }: Given,
  params: RunResult['params']
): TE.TaskEither<Failure, unknown> =>
  exported === undefined
    ? TE.right(undefined)
    : pipe(
        replaceTaskModel(join(out, 'model'), {
          network: { ...network, hiddenDropout: dropout, attentionDropout: dropout },
          task: exported,
          dropout,
          params,
          tokenizer: hfTokenizerFiles(tokenizing.vocabulary, tokenizing.options, network.maxPositions)
        }),
        stored
      )

const runTrial = (
  options: FinetuneOptions,
  all: Given,
  trial: Trial,
  out: string,
  resume: boolean,
  signals: Interrupts,
  console: Console
): TE.TaskEither<Failure | RunError, TrialResult | undefined> => {
  const { columns, recipe } = all
  const progress = trainingProgress(console, columns)
  const every = batchesPerEpoch(trainingRows(settingsOf(trial)).count, recipe.batchSize)
  return pipe(
    TE.fromIOEither(choiceOf(options)),
    TE.bindTo('choice'),
    TE.let('pool', ({ choice }) => ({ workers: options.workers, choice })),
    TE.chainW(({ pool }) =>
      trainThen(
        trialRun(trial, {
          out,
          pool,
          checkpointEvery: every,
          keepCheckpoints: 1,
          resume,
          shouldStop: signals.isInterrupted,
          observe: progress.observe
        })
      )((result): TE.TaskEither<Failure | RunError, TrialResult | undefined> => {
        progress.stop()
        const report = closingReport(result, columns)
        console.say(showReport(report, columns))
        if (!result.isComplete) return TE.right(undefined)
        return pipe(
          judgedParams(options, out, result),
          TE.bindTo('params'),
          TE.bindW('judged', ({ params }) => judgements(trial, params, pool)),
          TE.chainFirstW(({ judged }) => writePredictions(out, judged)),
          TE.chainFirstW(({ params }) => exportModel(out, all, params)),
          TE.let('trialResult', ({ judged }): TrialResult => ({
            seed: trial.seed,
            splits: Object.fromEntries(Object.entries(judged).map(([name, j]) => [name, j.report]))
          })),
          // The last of its files: where it stands, all others do.
          TE.chainFirstW(({ trialResult }) =>
            pipe(
              writeFileWhole(
                join(out, reportName),
                `${JSON.stringify({ ...report, models: [], checkpointOf: options.checkpoint, trial: trialResult }, null, 2)}\n`
              ),
              stored
            )
          ),
          TE.map(({ trialResult }) => trialResult)
        )
      })
    ),
    (training) => () => training().finally(progress.stop)
  )
}

/** The result of a trial that is finished, and was judged as is asked for now. */
const finishedTrial = (
  out: string,
  trial: Trial,
  { checkpoint }: FinetuneOptions
): TE.TaskEither<RunError, TrialResult | undefined> =>
  pipe(
    finishedReport(out, trialRun(trial, unstarted(out)).identity),
    TE.map((report) => {
      const kept = report as { readonly checkpointOf?: unknown; readonly trial?: TrialResult } | undefined
      return kept?.checkpointOf === checkpoint ? kept.trial : undefined
    })
  )

const unstarted = (out: string) => ({
  out,
  pool: { workers: 1, choice: { device: 'auto', matmul: 'auto', floats: 'float32' } as const },
  checkpointEvery: 1,
  keepCheckpoints: 1,
  resume: false,
  shouldStop: () => false,
  observe: () => undefined
})

const trialOf = (options: FinetuneOptions, { name, encoder, prepared, recipe }: Given, i: number): Trial => ({
  name,
  task: prepared,
  recipe,
  network: encoder.network,
  tensors: options.fromScratch ? [] : encoder.tensors,
  seed: options.seed + i,
  ...(options.limit === undefined ? {} : { limit: options.limit })
})

/** What all finished trials come to. */
const close = (
  options: FinetuneOptions,
  { name, recipe, columns }: Given,
  trials: ReadonlyArray<TrialResult>,
  console: Console
): TE.TaskEither<Failure, ExitCode> => {
  const names = Object.keys(trials[0].splits).filter((split) => Object.keys(trials[0].splits[split]).length > 0)
  const splits = Object.fromEntries(
    names.map((split) => [
      split,
      summaries(
        columns,
        trials.map((trial) => trial.splits[split])
      )
    ])
  )
  const { model, fromScratch, checkpoint, head } = options
  const results = {
    task: name,
    model,
    fromScratch,
    checkpoint,
    head,
    recipe,
    limit: options.limit ?? null,
    trials,
    splits
  }
  return pipe(
    writeFileWhole(join(options.out, 'results.json'), `${JSON.stringify(results, null, 2)}\n`),
    stored,
    TE.map(() => {
      for (const split of names)
        console.say(
          `\n${showSummaries(`${split}, ${trials.length} trial${trials.length === 1 ? '' : 's'}`, splits[split])}`
        )
      console.json(results)
      return exitCodes.done
    })
  )
}

export const finetune = (options: FinetuneOptions, console: Console): Command => {
  const signals = interrupts(console)()
  const all =
    (known: Given): TE.TaskEither<Failure | RunError, ExitCode> =>
    async () => {
      const trials: Array<TrialResult> = []
      for (let i = 0; i < options.trials; i++) {
        const out = join(options.out, `trial-${i + 1}`)
        const trial = trialOf(options, known, i)
        const there = E.toUnion(await exists(join(out, 'checkpoints'))())
        const kept = options.resume && there ? await finishedTrial(out, trial, options)() : E.right(undefined)
        if (E.isLeft(kept)) return kept
        if (kept.right !== undefined) {
          trials.push(kept.right)
          continue
        }
        console.note(`trial ${i + 1} of ${options.trials}, seed ${trial.seed}`)
        const hasCheckpoint = options.resume && there
        const ran = await runTrial(options, known, trial, out, hasCheckpoint, signals, console)()
        if (E.isLeft(ran)) return ran
        if (ran.right === undefined || (signals.isInterrupted() && i + 1 < options.trials)) {
          console.say(sentence(pretrainAdvice.goOn))
          return E.right(exitCodes.interrupted)
        }
        trials.push(ran.right)
      }
      return close(options, known, trials, console)()
    }
  const command = pipe(
    given(options, console),
    TE.chainW(all),
    TE.mapLeft((e) => ('_tag' in e ? failed(showRunError(e)) : e))
  )
  return () => command().finally(signals.release)
}

/** Of the column of names, with its gap. */
const nameWidth = 2 + Math.max(...tasks.map(({ name }) => name.length))

export const declareFinetune = (root: Program): void => {
  root
    .command('finetune')
    .description('learn a task on a pre-trained encoder, in one trial or several')
    .requiredOption('--task <name>', `${tasks.map(({ name }) => name).join(', ')}; or sentence, a table of your own`)
    .requiredOption('--model <dir>', 'a finished run, a Hugging Face ELECTRA directory, or a model fine-tuned before')
    .option('--data <dir>', "the directory of the task's files")
    .requiredOption('--out <dir>', 'where trial-1, trial-2, ... and results.json go')
    .option('--trials <n>', 'how many, each with a seed of its own, from --seed on', positive, 1)
    .addOption(seedOption())
    .addOption(
      new Option('--checkpoint <which>', 'what is judged: the last state, or that of the least loss on dev')
        .choices(['last', 'best'])
        .default('last')
    )
    .addOption(
      new Option('--head <kind>', "the published code's head, or that of transformers' class, which can be exported")
        .choices(['official', 'huggingface'])
        .default('official')
    )
    .option('--from-scratch', 'draw all weights: the architecture and tokeniser of --model alone', false)
    .option('--dev <name|file>', 'the split in place of dev, as in_domain_dev; with --task sentence its file')
    .option('--limit <n>', 'train on so many examples, the same for every seed', positive)
    .option('--learning-rate <x>', "(default: the published recipe's for the size)", factor)
    .option('--epochs <x>', "(default: the task's)", factor)
    .option('--batch-size <n>', '(default: 32)', positive)
    .option('--sequence-length <n>', "(default: the task's)", positive)
    .option('--layer-decay <x>', '(default: 0.8; large 0.9); 0 for none', amountFromZero)
    .addOption(new Option('--layer-decay-exponent <kind>', '(default: "official")').choices(['official', 'plain']))
    .option('--weight-decay <x>', '(default: 0.01)', amountFromZero)
    .option('--dropout <x>', '(default: as the encoder was pre-trained)', amountFromZero)
    .option('--train <file>', 'with --task sentence: a .tsv, .csv or .jsonl file')
    .option('--test <file>', 'with --task sentence: texts to predict')
    .option('--text-a <column>', 'with --task sentence: the text, by its name or place')
    .option('--text-b <column>', 'with --task sentence: the second text')
    .option('--label <column>', 'with --task sentence: the class, or the number')
    .option('--regression', 'with --task sentence: labels are numbers', false)
    .option('--workers <n>', 'worker threads', positive, 1)
    .addOption(deviceOption())
    .addOption(matmulOption())
    .addOption(relaxedSimdOption())
    .option('--resume', 'go on in --out: finished trials are kept, the one that was stopped is continued', false)
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `\nTasks:\n${tasks.map(({ name, about }) => `  ${name.padEnd(nameWidth)}${about}`).join('\n')}\n` +
        examples(
          'finetune --task rte --model runs/tiny --data RTE --out runs/rte --trials 5 --workers 2',
          'finetune --task sentence --train a.csv --dev b.csv --text-a text --label label --model runs/tiny --out runs/mine'
        ) +
        '\n\nThe published results of STS-B and RTE start from a model fine-tuned on MNLI: give its directory as --model.' +
        '\n\nExit codes: 0 finished, 1 failed, 2 wrong usage, 130 interrupted with the state saved.'
    )
    .action((options: FinetuneOptions & WithJson) => finish(options, (console) => finetune(options, console)))
}
