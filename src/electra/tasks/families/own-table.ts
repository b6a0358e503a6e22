/**
 * A task of sentences in tables of one's own, with named columns.
 */

import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { classNames, type Columns, type Labels } from '../data/columns.js'
import { readTable, type TableForm } from '../data/table.js'
import type { Task } from '../task.js'
import { sourceOf, type Spec } from './sentence-rows.js'
import { prepared } from './sentence.js'

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
