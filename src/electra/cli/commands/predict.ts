/** `pure-electra predict`: which tokens of a sentence look replaced. */

import { join } from 'node:path'
import type { Command as Program } from 'commander'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as O from 'fp-ts/lib/Option.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { describe } from '../../../tensor/describe.js'
import { showStepError } from '../../../tensor/run/step-error.js'
import { openTokenizer, showTokenizerError, type EncodedText } from '../../data/vocabulary/tokenizer.js'
import { kindOf } from '../../objective/table.js'
import { discriminatorFrom, suspicions } from '../../predict.js'
import { showStoreError } from '../../store/errors.js'
import { exists, readText } from '../../store/files/files.js'
import { readTokenizerFiles } from '../../store/models/hf-tokenizer-files.js'
import { importModel } from '../../store/models/model-files.js'
import { taskFile } from '../../store/models/task-file.js'
import type { Console } from '../console.js'
import { counted } from '../../counted.js'
import { configOfRun } from '../scorer.js'
import { withDevice, type DeviceOptions } from '../device.js'
import { longestReport, parseReport, reportName } from '../../report/closing-report.js'
import { exitCodes, failed, failedWith, wrongUsage, type Command, type Failure } from '../outcome.js'
import { adapterOption, deviceOption, factor, jsonOption, matmulOption, relaxedSimdOption } from '../arguments.js'
import { examples, finish, type WithJson } from '../finish.js'
import { predictTask, type TaskPredictionOptions } from '../task-predictions.js'

export type PredictOptions = DeviceOptions & {
  /** A run's directory, or a Hugging Face model directory with a discriminator. */
  readonly model: string
  /** Pieces at least this many times as suspicious as the base rate are marked; of a model without one, above 1/2. */
  readonly mark: number
}

/** An energy is no probability of having been replaced. */
const refuseEnergies = (run: string): TE.TaskEither<Failure, void> =>
  pipe(
    configOfRun(run),
    TE.filterOrElse(
      (config) => kindOf(config).likelihood?.(config)?.by !== 'energies',
      ({ objective }) =>
        failed(
          `${run}: found a run of the objective '${objective}', whose network says how likely tokens are, expected one that says ` +
            'whether they were replaced; ask `pure-electra score`'
        )
    ),
    TE.map(() => undefined)
  )

/** The discriminator that a run exported, or the directory itself. */
const modelDirectory = (given: string): TE.TaskEither<Failure, string> => {
  const exported = join(given, 'model', 'discriminator')
  return pipe(
    TE.fromTask<readonly [boolean, boolean, boolean], Failure>(async () => [
      E.toUnion(await exists(join(given, 'checkpoints'))()),
      E.toUnion(await exists(exported)()),
      E.toUnion(await exists(join(given, 'config.json'))())
    ]),
    TE.filterOrElse(
      ([isRun, isExported, isModel]) => isRun || isExported || isModel,
      () => failed(`${given}: found no config.json, expected a finished run, or a model directory with a discriminator`)
    ),
    TE.filterOrElse(
      ([isRun, isExported]) => !isRun || isExported,
      () =>
        failed(`${given}: found a run without a discriminator, expected a finished run of an objective that trains one`)
    ),
    TE.chainFirst(([isRun]) => (isRun ? refuseEnergies(given) : TE.right(undefined))),
    TE.map(([, isExported]) => (isExported ? exported : given))
  )
}

/**
 * The rate of replaced tokens in the run that trained the model, where the model is a run's. A report that cannot be read is an
 * error: without it tokens would be marked by another rule.
 */
const baseRateOf = (given: string): TE.TaskEither<Failure, number | undefined> => {
  const path = join(given, reportName)
  return pipe(
    readText(path, longestReport),
    TE.map(O.some),
    TE.orElse((e) => (e._tag === 'FileFailure' && e.code === 'ENOENT' ? TE.right(O.none) : TE.left(e))),
    TE.mapLeft(failedWith(showStoreError)),
    TE.bindTo('text'),
    TE.bind('isRun', () => TE.fromTask<boolean, Failure>(TE.toUnion(exists(join(given, 'checkpoints'))))),
    TE.chainEitherK(({ text, isRun }): E.Either<Failure, number | undefined> => {
      if (O.isNone(text))
        return isRun
          ? E.left(failed(`${path}: found nothing, expected the report of a finished run: ${again}`))
          : E.right(undefined)
      return pipe(
        parseReport(text.value),
        E.bimap(
          (found) => failed(`${path}: found ${found}, expected the report of a finished run: ${again}`),
          ({ last: { replacedRate } }) => (replacedRate > 0 ? replacedRate : undefined)
        )
      )
    })
  )
}

/** A resume of a run whose report is not there writes it. */
const again = 'resume the run, which writes it'

type Mark = {
  readonly text: string
  readonly probability: number
  readonly isMarked: boolean
  readonly span: readonly [number, number]
}

const marksOf = (
  sentence: string,
  { spans }: EncodedText,
  probabilities: ReadonlyArray<number>,
  threshold: number
): ReadonlyArray<Mark> =>
  spans.flatMap((span, i): ReadonlyArray<Mark> =>
    span === null
      ? []
      : [
          {
            text: sentence.slice(...span),
            span,
            probability: probabilities[i],
            isMarked: probabilities[i] >= threshold
          }
        ]
  )

/** The sentence with its marked pieces in brackets. */
export const bracketed = (sentence: string, marks: ReadonlyArray<Pick<Mark, 'span' | 'isMarked'>>): string => {
  const [end, text] = marks.reduce<readonly [number, string]>(
    ([at, out], { span: [from, to], isMarked }) => {
      const piece = sentence.slice(from, to)
      return [to, `${out}${sentence.slice(at, from)}${isMarked ? `[${piece}]` : piece}`]
    },
    [0, '']
  )
  return text + sentence.slice(end)
}

export const predict = (sentences: ReadonlyArray<string>, options: PredictOptions, console: Console): Command =>
  pipe(
    TE.Do,
    TE.bind('directory', () => modelDirectory(options.model)),
    TE.bindW('files', ({ directory }) =>
      pipe(importModel(directory, 'discriminator'), TE.mapLeft(failedWith(showStoreError)))
    ),
    TE.chainFirstIOK(({ directory, files: { ignored } }) => () => {
      if (ignored.length > 0)
        console.note(
          `${directory}: ignored ${counted(ignored.length, 'tensor')} that the network does not have (${describe(ignored[0])})`
        )
    }),
    TE.bindW('tokenizing', ({ directory }) =>
      pipe(readTokenizerFiles(directory), TE.mapLeft(failedWith(showStoreError)))
    ),
    TE.filterOrElse(
      ({ files, tokenizing }) => tokenizing.rows <= files.network.vocabSize,
      ({ directory, files, tokenizing }): Failure =>
        failed(
          `${directory}: found a vocabulary of ${tokenizing.rows} pieces, expected at most the model's ${files.network.vocabSize}`
        )
    ),
    TE.bindW('tokenizer', ({ tokenizing: { vocabulary, options: settings, added } }) =>
      pipe(openTokenizer(vocabulary, settings, added), E.mapLeft(failedWith(showTokenizerError)), TE.fromEither)
    ),
    TE.bindW('trained', ({ files: { network, tensors } }) =>
      pipe(
        TE.fromEither(discriminatorFrom(network, network.vocabSize, tensors)),
        TE.mapLeft((name) => failed(`the model lacks ${name}`))
      )
    ),
    TE.bindW('baseRate', () => baseRateOf(options.model)),
    TE.chain(({ files, tokenizer, trained, baseRate }) =>
      withDevice(options)((held) => {
        const judge = suspicions(held, trained)
        const threshold = baseRate === undefined ? 0.5 : options.mark * baseRate
        return pipe(
          sentences,
          TE.traverseSeqArray((sentence) =>
            pipe(
              tokenizer.encodeText(files.network.maxPositions)(sentence),
              TE.mapLeft(failedWith(showTokenizerError)),
              TE.bindTo('encoded'),
              TE.bind('probabilities', ({ encoded }) =>
                pipe(judge(encoded.ids), TE.mapLeft(failedWith(showStepError)))
              ),
              TE.map(({ encoded, probabilities }) => {
                if (encoded.isTruncated)
                  console.note(`The sentence was cut to the model's ${files.network.maxPositions} positions.`)
                const marks = marksOf(sentence, encoded, probabilities, threshold)
                console.say(bracketed(sentence, marks))
                for (const { text, probability, isMarked } of marks)
                  console.say(
                    `  ${isMarked ? '>' : ' '} ${text.padEnd(20)} ${probability.toFixed(4)}` +
                      (baseRate === undefined ? '' : `  x${(probability / baseRate).toFixed(1)}`)
                  )
                console.json({ sentence, threshold, baseRate: baseRate ?? null, tokens: marks })
              })
            )
          ),
          TE.map(() => exitCodes.done)
        )
      })
    )
  )

type DeclaredOptions = PredictOptions & Partial<TaskPredictionOptions>

/** What was fine-tuned has another head. */
const refuseTask = (model: string): TE.TaskEither<Failure, void> =>
  pipe(
    [join(model, taskFile), join(model, 'model', taskFile)],
    TE.traverseArray((path) => TE.fromTask<boolean, Failure>(TE.toUnion(exists(path)))),
    TE.filterOrElse(
      (there) => !there.includes(true),
      () =>
        failed(`${model}: found a fine-tuned model, expected one with a discriminator; label a file by it with --data`)
    ),
    TE.map(() => undefined)
  )

/** Sentences are for a discriminator, a file of data for a model of a task. */
const predictEither = (sentences: ReadonlyArray<string>, options: DeclaredOptions, console: Console): Command => {
  const { data } = options
  if (data === undefined)
    return sentences.length > 0
      ? pipe(
          refuseTask(options.model),
          TE.chain(() => predict(sentences, options, console))
        )
      : TE.left(wrongUsage('found no sentence, expected one or more, or --data with a file for a fine-tuned model'))
  return sentences.length === 0
    ? predictTask({ ...options, data }, console)
    : TE.left(wrongUsage(`--data: found ${counted(sentences.length, 'sentence')} beside it, expected none`))
}

export const declarePredict = (root: Program): void => {
  root
    .command('predict')
    .description('mark the tokens of sentences that look replaced, or label a file with a fine-tuned model')
    .argument('[sentence...]', 'sentences, each in quotes')
    .requiredOption('--model <dir>', "a run's directory, a Hugging Face ELECTRA discriminator, or a fine-tuned model")
    .option('--mark <n>', 'mark tokens at least this many times as suspicious as the base rate', factor, 2)
    .option('--data <file>', "with a fine-tuned model: a file of the task's, or a table")
    .option('--out <dir>', 'with --data: where predictions go, in the form of the benchmark')
    .option('--task <name>', 'with --data: the task, of a model that does not say it')
    .option('--text-a <column>', 'with --data, a table: the text, by its name or place')
    .option('--text-b <column>', 'with --data, a table: the second text')
    .option('--label <column>', 'with --data, a table: what is right, to be scored by')
    .addOption(deviceOption())
    .addOption(adapterOption())
    .addOption(matmulOption())
    .addOption(relaxedSimdOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        'predict --model runs/demo/run-1 "The researchers found that Tuesday can affect behavior."',
        'predict --model runs/rte/trial-1 --data RTE/test.tsv --out predictions',
        'predict --model runs/mine/trial-1 --data new.csv --text-a text --out predictions'
      )
    )
    .action((sentences: ReadonlyArray<string>, options: DeclaredOptions & WithJson) =>
      finish(options, (console) => predictEither(sentences, options, console))
    )
}
