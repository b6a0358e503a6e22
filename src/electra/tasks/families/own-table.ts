/**
 * A task of sentences in tables of one's own, with named columns.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { quoted } from '../../../tensor/describe.js'
import { classNames, type Columns, type Labels } from '../data/columns.js'
import type { TaskDataError } from '../data/data-error.js'
import type { SentenceExample } from '../data/examples.js'
import { readTable, type TableForm } from '../data/table.js'
import type { Apply, Says, Task } from '../task.js'
import { sourceOf } from './sentence-rows.js'
import { applied, metricsOfTable, prepared, specOf, type SentenceTag } from './sentence.js'

/** Names or places of columns, as they are written. */
export type TextColumns = {
  readonly textA: string
  readonly textB?: string | undefined
  readonly label?: string | undefined
}

/** Where a task of one's own has its sentences: files in the forms that their names end in. */
export type TableTask = TextColumns & {
  readonly train: string
  readonly dev: string
  readonly test?: string | undefined
  readonly label: string
  readonly isRegression: boolean
}

const formOf = (path: string): TableForm => {
  const name = path.toLowerCase().replace(/\.gz$/, '')
  return name.endsWith('.csv') ? 'csv' : /\.(jsonl|json|ndjson)$/.test(name) ? 'jsonl' : 'tsv'
}

/** A whole number is a place, counted from 0, or from the end where negative. */
const columnNamed = (text: string): string | number => (/^-?\d+$/.test(text) ? Number(text) : text)

const columnsOf = ({ textA, textB, label }: TextColumns): Columns => ({
  textA: columnNamed(textA),
  ...(textB === undefined ? {} : { textB: columnNamed(textB) }),
  ...(label === undefined ? {} : { label: columnNamed(label) })
})

const readOwn = (path: string, columns: Columns, labels: Labels) => {
  const form = formOf(path)
  // A table that is asked for by places alone has no header.
  const header = form === 'jsonl' || Object.values(columns).some((column) => typeof column === 'string')
  return readTable({ form, header, columns, labels }, { skipMalformed: false })(path)
}

const anyScores: Labels = { _tag: 'scores', least: -Infinity, most: Infinity }

/** Scores outside of those of training are scores. */
const readAs = (labels: Labels): Labels => (labels._tag === 'scores' ? anyScores : labels)

/** A table for a model that has learnt a task of sentences; with `label` its predictions are judged, too. */
export const applyTable =
  (columns: TextColumns): Apply<SentenceTag> =>
  (says) => {
    const spec = specOf(says)
    return (path, settings) =>
      pipe(
        readOwn(path, columnsOf(columns), readAs(spec.labels)),
        TE.map(sourceOf('predictions.tsv')),
        TE.chainW(applied(spec, settings))
      )
  }

/** The classes of the examples, of which a network must have two to choose from. */
const classesOf = (
  path: string,
  examples: ReadonlyArray<SentenceExample>
): E.Either<TaskDataError, Says<'Classification'>> => {
  const labels = classNames(examples)
  return labels.length > 1
    ? E.right({ _tag: 'Classification', labels })
    : E.left({
        _tag: 'OtherFormat',
        path,
        where: 'labels',
        found: `${quoted(labels[0] ?? '')} in every row`,
        expected: 'two classes or more; numbers are learnt with --regression'
      })
}

/** The range of the scores, which has a length. */
const rangeOf = (examples: ReadonlyArray<SentenceExample>): Says<'Regression'> => {
  const scores = examples.map(({ label = '' }) => Number(label))
  const [min, max] = scores.reduce(([a, b], y) => [Math.min(a, y), Math.max(b, y)], [Infinity, -Infinity])
  return { _tag: 'Regression', range: { min, max: max > min ? max : min + 1 } }
}

/**
 * A task on tables of one's own. Classes are those of training, numbered in the order of their names; the range of a regression is
 * that of the scores of training.
 */
export const tableTask = (from: TableTask): Task<SentenceTag> => {
  const columns = columnsOf(from)
  const { label: _, ...unlabelled } = columns
  const read = (path: string, submission: string, labels: Labels, of: Columns = columns) =>
    pipe(readOwn(path, of, labels), TE.map(sourceOf(submission)))
  return {
    name: 'sentence',
    about: 'a class, or with --regression a number, of a sentence or a pair in a table of your own',
    defaults: { epochs: 3, sequenceLength: 128 },
    metrics: metricsOfTable(from.isRegression),
    says: from.isRegression ? 'Regression' : 'Classification',
    apply: applyTable(from),
    prepare: (_directory, settings) =>
      pipe(
        TE.Do,
        TE.bind('train', () => read(from.train, 'train.tsv', from.isRegression ? anyScores : { _tag: 'any' })),
        TE.bind('says', ({ train: { examples } }) =>
          TE.fromEither<TaskDataError, Says<SentenceTag>>(
            from.isRegression ? E.right(rangeOf(examples)) : classesOf(from.train, examples)
          )
        ),
        TE.bind('dev', ({ says }) => read(from.dev, 'dev.tsv', readAs(specOf(says).labels))),
        TE.bind('rest', () =>
          from.test === undefined
            ? TE.right({})
            : pipe(
                read(from.test, 'test.tsv', { _tag: 'any' }, unlabelled),
                TE.map((test) => ({ test }))
              )
        ),
        TE.chainW(({ train, says, dev, rest }) => prepared(specOf(says), { ...rest, train, dev }, settings))
      )
  }
}
