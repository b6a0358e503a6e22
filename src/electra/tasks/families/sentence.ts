/**
 * Sentences and pairs of sentences as tasks: those of GLUE, and any table with named columns.
 */

import { join } from 'node:path'
import { pipe } from 'fp-ts/lib/function.js'
import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Skipped } from '../../data/text/source.js'
import type { Tokenizer, TokenizerError } from '../../data/vocabulary/tokenizer.js'
import { exists } from '../../store/files/files.js'
import type { Column, Report } from '../../training/columns.js'
import type { NamedArrays } from '../../training/problem.js'
import { classNames, type Columns, type Labels } from '../data/columns.js'
import type { TaskDataError } from '../data/data-error.js'
import type { SentenceExample } from '../data/examples.js'
import type { Reading } from '../data/reader.js'
import { readTable, type TableForm } from '../data/table.js'
import { padRows } from '../features/rows.js'
import { encodeSentenceTexts, type SentenceRow } from '../features/sentences.js'
import { doubled, glueTable, glueTasks, type GlueMetric, type GlueTask } from '../glue.js'
import { scaled, sentenceClassifier, sentenceRegressor, unscaled, type LabelRange } from '../heads/sentence.js'
import { accuracy, f1, matthews } from '../metrics/classification.js'
import { meanSquaredError, pearson, spearman } from '../metrics/correlation.js'
import type { Judged } from '../metrics/judged.js'
import { printGlue, showSubmissionError, type GluePrediction } from '../submissions.js'
import {
  anyNetwork,
  splitsSha256,
  type Judgement,
  type PreparedTask,
  type Rows,
  type Split,
  type Task,
  type TaskDefaults,
  type TaskSettings
} from '../task.js'

/** What a row should give and what it was taken for: numbers of classes, or scores. */
type JudgedNumbers = ReadonlyArray<Judged<number>>

const measures: Readonly<Record<GlueMetric, (judged: JudgedNumbers) => number>> = {
  accuracy,
  f1: f1(1),
  matthews,
  pearson,
  spearman,
  mse: meanSquaredError
}

const meanings: Readonly<Record<GlueMetric, string>> = {
  accuracy: 'Share of the examples whose class is right.',
  f1: 'F1 of class 1: the harmonic mean of precision and recall.',
  matthews: "Matthews' correlation of classes and predictions, from -1 to 1.",
  pearson: "Pearson's correlation of scores and predictions, from -1 to 1.",
  spearman: "Spearman's correlation of scores and predictions, from -1 to 1.",
  mse: 'Mean squared error in the units of the scores.'
}

/** What is learnt: one of several classes, or a number in a range. */
type Kind =
  | { readonly _tag: 'classes'; readonly names: ReadonlyArray<string> }
  | { readonly _tag: 'scores'; readonly range: LabelRange }

const labelOf = (kind: Kind, label: string): number =>
  kind._tag === 'classes' ? kind.names.indexOf(label) : Number(label)

// -------------------------------------------------------------------- baselines

/** What is always guessed by whoever reads no text: the most frequent class of training, or the mean of its scores. */
const blindGuess = (kind: Kind, labels: ReadonlyArray<number>): number => {
  if (kind._tag === 'scores') return labels.reduce((sum, y) => sum + y, 0) / labels.length
  const counts = kind.names.map((_, i) => labels.filter((y) => y === i).length)
  return counts.indexOf(Math.max(...counts))
}

/** What guessing each class equally often is expected to give. */
const chanceOf = (metric: GlueMetric, kind: Kind, labels: ReadonlyArray<number>): number | undefined => {
  const share = kind._tag === 'classes' ? 1 / kind.names.length : 0
  switch (metric) {
    case 'accuracy':
      return share
    case 'f1': {
      const precision = labels.filter((y) => y === 1).length / labels.length
      return (2 * precision * share) / (precision + share)
    }
    case 'matthews':
    case 'pearson':
    case 'spearman':
      return 0
    case 'mse':
      return undefined
  }
}

const columnOf =
  (kind: Kind, train: ReadonlyArray<number>, dev: ReadonlyArray<number>) =>
  (metric: GlueMetric): Column => {
    const guess = blindGuess(kind, train)
    const always = measures[metric](dev.map((label) => ({ label, prediction: guess })))
    const chance = chanceOf(metric, kind, dev)
    return {
      name: metric,
      meaning: meanings[metric],
      better: metric === 'mse' ? 'down' : 'up',
      digits: 4,
      label: metric,
      bar: { label: metric === 'accuracy' ? 'acc' : metric, digits: 4 },
      // A constant correlates with nothing.
      baselines: () => ({
        noContext: Number.isNaN(always) ? 0 : always,
        ...(chance === undefined ? {} : { chance })
      })
    }
  }

// ----------------------------------------------------------------------- splits

const argmax = (values: ArrayLike<number>, from: number, width: number): number => {
  let best = 0
  for (let i = 1; i < width; i++) if (values[from + i] > values[from + best]) best = i
  return best
}

/** Of each row: the number of its class, or its score. */
const readPredictions = (kind: Kind, predictions: NamedArrays, rows: number): ReadonlyArray<number> =>
  kind._tag === 'classes'
    ? Array.from({ length: rows }, (_, i) => argmax(predictions.logits, i * kind.names.length, kind.names.length))
    : Array.from({ length: rows }, (_, i) => unscaled(kind.range, predictions.values[i]))

const reportOf = (metrics: ReadonlyArray<GlueMetric>, judged: JudgedNumbers): Report =>
  Object.fromEntries(metrics.map((metric) => [metric, measures[metric](judged)]))

/** What a split is made of. */
type Source = {
  readonly examples: ReadonlyArray<SentenceExample>
  readonly skipped: ReadonlyArray<Skipped>
  /** The file that its predictions go to. */
  readonly submission: string
}

const rowsOf = (
  kind: Kind,
  length: number,
  examples: ReadonlyArray<SentenceExample>,
  rows: ReadonlyArray<SentenceRow>
): Rows => {
  const labels = examples.map(({ label }) => label).filter((label) => label !== undefined)
  const values = labels.map((label) => labelOf(kind, label))
  const labelled: Rows['arrays'] =
    labels.length < examples.length
      ? {}
      : {
          labels:
            kind._tag === 'classes'
              ? Int32Array.from(values)
              : Float32Array.from(values, (value) => scaled(kind.range, value)),
          weights: new Float32Array(rows.length).fill(1)
        }
  return { count: rows.length, arrays: { ...padRows(length, rows), ...labelled } }
}

const leftOf = (
  skipped: ReadonlyArray<Skipped>,
  rows: ReadonlyArray<SentenceRow>,
  length: number
): ReadonlyArray<string> => {
  const cut = rows.filter(({ isTruncated }) => isTruncated).length
  return [
    ...skipped.map(({ why, count, first }) => `${count} ${why} (first: ${first})`),
    ...(cut === 0 ? [] : [`the ends of ${cut} of ${rows.length} texts that have more than ${length} tokens`])
  ]
}

type Spec = {
  readonly kind: Kind
  /** What classes and scores are called in the files of predictions. */
  readonly labels: Labels
  readonly metrics: ReadonlyArray<GlueMetric>
}

const judgeOf =
  ({ kind, labels, metrics }: Spec, { examples, submission }: Source) =>
  (predictions: NamedArrays): Judgement => {
    const found = readPredictions(kind, predictions, examples.length)
    const judged = examples.flatMap(({ label }, i) =>
      label === undefined ? [] : [{ label: labelOf(kind, label), prediction: found[i] }]
    )
    const written: ReadonlyArray<GluePrediction> = examples.map(({ id }, i) => ({ id, value: found[i] }))
    const text = printGlue({ labels })(written)
    // A state whose predictions are not finite has ended the run before.
    if (E.isLeft(text)) throw new Error(showSubmissionError(text.left))
    return {
      report: judged.length === 0 ? {} : reportOf(metrics, judged),
      files: { [submission]: text.right }
    }
  }

const splitOf =
  (spec: Spec, tokenizer: Tokenizer, length: number) =>
  (source: Source): TE.TaskEither<TokenizerError, Split> =>
    pipe(
      source.examples.map(({ textA, textB }) => ({
        first: textA,
        ...(textB === undefined ? {} : { second: textB })
      })),
      encodeSentenceTexts(tokenizer, length),
      TE.map((rows) => ({
        rows: rowsOf(spec.kind, length, source.examples, rows),
        judge: judgeOf(spec, source),
        left: leftOf(source.skipped, rows, length)
      }))
    )

type Sources = Readonly<Record<string, Source>>

const numbersOf = (kind: Kind, { examples }: Source): ReadonlyArray<number> =>
  examples.flatMap(({ label }) => (label === undefined ? [] : [labelOf(kind, label)]))

const prepared = (
  spec: Spec,
  sources: Sources & { readonly train: Source; readonly dev: Source },
  { size, tokenizer, sequenceLength, head, dropout }: TaskSettings
): TE.TaskEither<TokenizerError, PreparedTask> => {
  const { kind, metrics } = spec
  const network = { ...size, head, dropout }
  return pipe(
    Object.entries(sources),
    TE.traverseSeqArray(([name, source]) =>
      pipe(
        splitOf(spec, tokenizer, sequenceLength)(source),
        TE.map((split) => [name, split] as const)
      )
    ),
    TE.map((entries): PreparedTask => {
      const splits = Object.fromEntries(entries)
      return {
        network:
          kind._tag === 'classes'
            ? anyNetwork(sentenceClassifier(network, kind.names.length))
            : anyNetwork(sentenceRegressor(network)),
        splits,
        columns: metrics.map(columnOf(kind, numbersOf(kind, sources.train), numbersOf(kind, sources.dev))),
        exported:
          head === 'official'
            ? undefined
            : kind._tag === 'classes'
              ? { _tag: 'Classification', labels: kind.names }
              : { _tag: 'Regression' },
        dataSha256: splitsSha256(splits)
      }
    })
  )
}

// ------------------------------------------------------------------------- GLUE

/** Malformed rows are left out, as in the published code, and counted. */
const rules = { skipMalformed: true }

const sourceOf =
  (submission: string) =>
  ({ examples, skipped }: Reading<SentenceExample>): Source => ({ examples, skipped, submission })

/** Splits that are read only by name, since another one stands for them. */
const alternatives = ['in_domain_dev']

/** What could have been meant, where dev is not there. */
const suggestOther =
  (directory: string, { files }: GlueTask) =>
  (e: TaskDataError): TE.TaskEither<TaskDataError, Source> =>
    pipe(
      alternatives.filter((name) => name in files),
      TE.traverseArray((name) =>
        pipe(
          exists(join(directory, files[name].file)),
          TE.map((there) => (there ? [name] : []))
        )
      ),
      TE.chainW((names) => {
        const [name] = names.flat()
        return TE.left<TaskDataError, Source>(
          e._tag === 'UnreadableData' && name !== undefined
            ? { ...e, reason: `${e.reason}. There is ${files[name].file}: to take that, say --dev ${name}` }
            : e
        )
      })
    )

const readGlue =
  (task: GlueTask, directory: string) =>
  (name: string): TE.TaskEither<TaskDataError, Source> => {
    const file = task.files[name]
    return pipe(
      readTable(glueTable(task, file), rules)(join(directory, file.file)),
      TE.map(sourceOf(file.submission ?? file.file))
    )
  }

const kindOf = ({ labels }: GlueTask): Kind => {
  switch (labels._tag) {
    case 'classes':
      return labels
    case 'scores':
      return { _tag: 'scores', range: { min: labels.least, max: labels.most } }
    case 'any':
      return { _tag: 'classes', names: [] }
  }
}

const glueSources = (task: GlueTask, directory: string, dev: string) => {
  const read = readGlue(task, directory)
  const others = Object.keys(task.files).filter((name) => !['train', 'dev', ...alternatives].includes(name))
  return pipe(
    TE.Do,
    TE.bind('train', () => read('train')),
    TE.bind('dev', () => pipe(read(dev), TE.orElse(suggestOther(directory, task)))),
    TE.bind('rest', () =>
      pipe(
        others,
        TE.traverseSeqArray((name) =>
          pipe(
            TE.fromTask<boolean, TaskDataError>(TE.toUnion(exists(join(directory, task.files[name].file)))),
            TE.chain((there) =>
              there
                ? pipe(
                    read(name),
                    TE.map((source) => [[name, source] as const])
                  )
                : TE.right([])
            )
          )
        )
      )
    ),
    TE.map(({ train, dev: held, rest }) => ({
      ...Object.fromEntries(rest.flat()),
      train: task.doubled ? { ...train, examples: doubled(train.examples) } : train,
      dev: held
    }))
  )
}

/** The splits that may stand for dev. */
const devsOf = ({ files }: GlueTask): ReadonlyArray<string> =>
  Object.keys(files).filter((name) => name === 'dev' || alternatives.includes(name))

const titles: Readonly<Record<GlueTask['name'], string>> = {
  cola: 'CoLA: whether a sentence is acceptable English',
  sst: 'SST-2: whether a review is positive',
  mrpc: 'MRPC: whether two sentences say the same',
  sts: 'STS-B: how similar two sentences are, from 0 to 5',
  qqp: 'QQP: whether two questions ask the same',
  mnli: 'MNLI: whether the second sentence follows from the first',
  qnli: 'QNLI: whether the sentence answers the question',
  rte: 'RTE: whether the second sentence follows from the first',
  wnli: 'WNLI: whether the second sentence, with its pronoun resolved, follows'
}

const glueDefaults = ({ name }: GlueTask): TaskDefaults => ({
  epochs: name === 'rte' || name === 'sts' ? 10 : 3,
  sequenceLength: 128
})

const glueTask = (task: GlueTask): Task => ({
  name: task.name,
  about: `GLUE's ${titles[task.name]} (${task.metrics.join(', ')})`,
  defaults: glueDefaults(task),
  prepare: (directory, settings) => {
    const { dev = 'dev' } = settings
    if (!devsOf(task).includes(dev))
      return TE.left({
        _tag: 'UnreadableData',
        path: directory,
        reason: `found '${dev}' in place of dev, expected one of ${devsOf(task).join(', ')}`
      })
    return pipe(
      glueSources(task, directory, dev),
      TE.chainW((sources) =>
        prepared({ kind: kindOf(task), labels: task.labels, metrics: task.metrics }, sources, settings)
      )
    )
  }
})

/** All nine. */
export const glueSentenceTasks: ReadonlyArray<Task> = Object.values(glueTasks).map(glueTask)

// ------------------------------------------------------------------- any table

/** Where a task of one's own has its sentences: files in the forms that their names end in. */
export type TableTask = {
  readonly train: string
  readonly dev: string
  readonly test?: string | undefined
  readonly textA: string
  readonly textB?: string | undefined
  readonly label: string
  readonly isRegression: boolean
}

const formOf = (path: string): TableForm => {
  const name = path.toLowerCase().replace(/\.gz$/, '')
  return name.endsWith('.csv') ? 'csv' : /\.(jsonl|json|ndjson)$/.test(name) ? 'jsonl' : 'tsv'
}

/** A whole number is a place, counted from 0, or from the end where negative. */
const columnNamed = (text: string): string | number => (/^-?\d+$/.test(text) ? Number(text) : text)

/**
 * A task on tables of one's own. Classes are numbered in the order of their names, of training and dev together; the range of a
 * regression is that of the scores of training.
 */
export const tableTask = (from: TableTask): Task => {
  const columns: Columns = {
    textA: columnNamed(from.textA),
    ...(from.textB === undefined ? {} : { textB: columnNamed(from.textB) }),
    label: columnNamed(from.label)
  }
  const { label: _, ...unlabelled } = columns
  const labels: Labels = from.isRegression ? { _tag: 'scores', least: -Infinity, most: Infinity } : { _tag: 'any' }
  const read = (path: string, submission: string, of: Columns = columns) => {
    const form = formOf(path)
    // A table that is asked for by places alone has no header.
    const header = form === 'jsonl' || Object.values(columns).some((column) => typeof column === 'string')
    return pipe(
      readTable({ form, header, columns: of, labels }, { skipMalformed: false })(path),
      TE.map(sourceOf(submission))
    )
  }
  return {
    name: 'sentence',
    about: 'a class, or with --regression a number, of a sentence or a pair in a table of your own',
    defaults: { epochs: 3, sequenceLength: 128 },
    prepare: (_directory, settings) =>
      pipe(
        TE.Do,
        TE.bind('train', () => read(from.train, 'train.tsv')),
        TE.bind('dev', () => read(from.dev, 'dev.tsv')),
        TE.bind('rest', () =>
          from.test === undefined
            ? TE.right({})
            : pipe(
                read(from.test, 'test.tsv', unlabelled),
                TE.map((test) => ({ test }))
              )
        ),
        TE.chainW(({ train, dev, rest }) => {
          const scores = train.examples.map(({ label = '' }) => Number(label))
          const [min, max] = scores.reduce(([a, b], y) => [Math.min(a, y), Math.max(b, y)], [Infinity, -Infinity])
          const names = classNames([...train.examples, ...dev.examples])
          const spec: Spec = from.isRegression
            ? {
                kind: { _tag: 'scores', range: { min, max: max > min ? max : min + 1 } },
                labels: { _tag: 'scores', least: min, most: max },
                metrics: ['spearman', 'pearson', 'mse']
              }
            : {
                kind: { _tag: 'classes', names },
                labels: { _tag: 'classes', names },
                metrics: names.length === 2 ? ['accuracy', 'f1', 'matthews'] : ['accuracy', 'matthews']
              }
          return prepared(spec, { ...rest, train, dev }, settings)
        })
      )
  }
}
