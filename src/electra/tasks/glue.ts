/**
 * The tasks of GLUE as a table of values: where their files have what, and what they are scored by.
 *
 * Files are as GLUE publishes them, tab-separated and never quoted. Places of columns count from 0, and from the end of the row
 * where they are negative, as in the official ELECTRA repository; labels are numbered in the order that they have here.
 */

import type { Columns, Labels } from './data/columns.js'
import type { SentenceExample } from './data/examples.js'
import type { Table } from './data/table.js'

export type GlueName = 'cola' | 'sst' | 'mrpc' | 'sts' | 'qqp' | 'mnli' | 'qnli' | 'rte' | 'wnli'

/** What a task is scored by; the first is the one that GLUE averages (for MRPC and QQP the mean of its two). */
export type GlueMetric = 'accuracy' | 'f1' | 'matthews' | 'pearson' | 'spearman' | 'mse'

/** One file of a task. A file of a test set has no labels; `submission` is what GLUE calls the predictions of it. */
export type GlueFile = {
  readonly file: string
  readonly header: boolean
  readonly columns: Columns<number>
  readonly submission?: string
}

export type GlueTask = {
  /** Its name in GLUE, and what is asked. */
  readonly title: string
  /** Of the published recipe. */
  readonly epochs: number
  /** By split: train, dev, test, and others where there are more. */
  readonly files: Readonly<Record<string, GlueFile>>
  /** Classes, or scores: then the loss is that of a regression. */
  readonly labels: Exclude<Labels, { readonly _tag: 'any' }>
  readonly metrics: readonly [GlueMetric, ...ReadonlyArray<GlueMetric>]
  /** Whether training has each pair a second time, its texts swapped: for tasks that do not tell one from the other. */
  readonly doubled: boolean
}

const classes = (...names: ReadonlyArray<string>): GlueTask['labels'] => ({ _tag: 'classes', names })

const file = (name: string, header: boolean, columns: Columns<number>, submission?: string): GlueFile => ({
  ...{ file: `${name}.tsv`, header, columns },
  ...(submission === undefined ? {} : { submission: `${submission}.tsv` })
})

const cola = { textA: 3, label: 1 }
const sst = { textA: 0, label: 1 }
const mrpc = { textA: 3, textB: 4 }
const sts = { textA: -3, textB: -2, label: -1 }
const qqp = { textA: 3, textB: 4, label: 5 }
const mnli = { textA: 8, textB: 9 }
const second = { textA: 1, textB: 2 }

/** QNLI, RTE and WNLI: an index, two texts, a label. */
const inference = (submission: string): Readonly<Record<string, GlueFile>> => ({
  train: file('train', true, { ...second, label: 3 }),
  dev: file('dev', true, { ...second, label: 3 }),
  test: file('test', true, second, submission)
})

/** Columns are those of the official ELECTRA repository's `classification_tasks.py`; WNLI, which it has not, is as RTE. */
export const glueTasks: Readonly<Record<GlueName, GlueTask>> = {
  cola: {
    title: 'CoLA: whether a sentence is acceptable English',
    epochs: 3,
    files: {
      train: file('train', false, cola),
      dev: file('dev', false, cola),
      // The first 527 rows of dev come as a file of their own with the original corpus.
      in_domain_dev: file('in_domain_dev', false, cola),
      test: file('test', true, { textA: 1 }, 'CoLA')
    },
    labels: classes('0', '1'),
    metrics: ['matthews', 'accuracy'],
    doubled: false
  },
  sst: {
    title: 'SST-2: whether a review is positive',
    epochs: 3,
    files: {
      train: file('train', true, sst),
      dev: file('dev', true, sst),
      test: file('test', true, { textA: 1 }, 'SST-2')
    },
    labels: classes('0', '1'),
    metrics: ['accuracy'],
    doubled: false
  },
  mrpc: {
    title: 'MRPC: whether two sentences say the same',
    epochs: 3,
    files: {
      train: file('train', true, { ...mrpc, label: 0 }),
      dev: file('dev', true, { ...mrpc, label: 0 }),
      test: file('test', true, mrpc, 'MRPC')
    },
    labels: classes('0', '1'),
    metrics: ['accuracy', 'f1'],
    doubled: true
  },
  sts: {
    title: 'STS-B: how similar two sentences are, from 0 to 5',
    epochs: 10,
    files: {
      train: file('train', true, sts),
      dev: file('dev', true, sts),
      test: file('test', true, { textA: -2, textB: -1 }, 'STS-B')
    },
    labels: { _tag: 'scores', least: 0, most: 5 },
    metrics: ['spearman', 'pearson', 'mse'],
    doubled: true
  },
  qqp: {
    title: 'QQP: whether two questions ask the same',
    epochs: 3,
    files: {
      train: file('train', true, qqp),
      dev: file('dev', true, qqp),
      test: file('test', true, second, 'QQP')
    },
    labels: classes('0', '1'),
    metrics: ['accuracy', 'f1'],
    doubled: false
  },
  mnli: {
    title: 'MNLI: whether the second sentence follows from the first',
    epochs: 3,
    files: {
      train: file('train', true, { ...mnli, label: -1 }),
      dev: file('dev_matched', true, { ...mnli, label: -1 }),
      dev_mismatched: file('dev_mismatched', true, { ...mnli, label: -1 }),
      test: file('test_matched', true, mnli, 'MNLI-m'),
      test_mismatched: file('test_mismatched', true, mnli, 'MNLI-mm'),
      diagnostic: file('diagnostic', true, second, 'AX')
    },
    labels: classes('contradiction', 'entailment', 'neutral'),
    metrics: ['accuracy'],
    doubled: false
  },
  qnli: {
    title: 'QNLI: whether the sentence answers the question',
    epochs: 3,
    files: inference('QNLI'),
    labels: classes('entailment', 'not_entailment'),
    metrics: ['accuracy'],
    doubled: false
  },
  rte: {
    title: 'RTE: whether the second sentence follows from the first',
    epochs: 10,
    files: inference('RTE'),
    labels: classes('entailment', 'not_entailment'),
    metrics: ['accuracy'],
    doubled: false
  },
  wnli: {
    title: 'WNLI: whether the second sentence, with its pronoun resolved, follows',
    epochs: 3,
    files: inference('WNLI'),
    labels: classes('0', '1'),
    metrics: ['accuracy'],
    doubled: false
  }
}

/** How a file of a task is read. */
export const glueTable = ({ labels }: GlueTask, { header, columns }: GlueFile): Table => ({
  ...{ form: 'tsv', header, columns, labels }
})

/** All pairs, and all of them again with their texts swapped, numbered on from the last. Single texts stay as they are. */
export const doubled = (examples: ReadonlyArray<SentenceExample>): ReadonlyArray<SentenceExample> => [
  ...examples,
  ...examples.flatMap((example, i) =>
    example.textB === undefined
      ? []
      : [{ ...example, id: String(examples.length + i), textA: example.textB, textB: example.textA }]
  )
]
