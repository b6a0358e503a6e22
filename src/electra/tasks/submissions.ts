/**
 * Predictions in the form in which benchmarks take them: GLUE's tables, and SQuAD's two files of JSON. (Those of tags are
 * `printConll`.)
 */

import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import type { GlueTask } from './glue.js'

/** A prediction that cannot be written: a class that the task has not, or a number that is none. */
export type SubmissionError = {
  readonly _tag: 'UnwritablePrediction'
  readonly id: string
  readonly found: string
  readonly expected: string
}

export const showSubmissionError = ({ id, found, expected }: SubmissionError): string =>
  `the prediction of ${id} cannot be written: found ${found}, expected ${expected}`

/** `value` is the number of a class, or a score where the task is a regression. */
export type GluePrediction = { readonly id: string; readonly value: number }

/**
 * A table of `index` and `prediction`, classes by their names in the benchmark.
 *
 * Scores are clipped to the range of the task, as GLUE asks, and have three digits behind the point. The name of the file is
 * `submission` of the file that was predicted.
 */
export const printGlue =
  ({ labels }: Pick<GlueTask, 'labels'>) =>
  (predictions: ReadonlyArray<GluePrediction>): Either<SubmissionError, string> => {
    const rows: Array<string> = ['index\tprediction\n']
    for (const { id, value } of predictions) {
      const written = shown(labels, value)
      if (written === undefined) {
        const expected = labels._tag === 'classes' ? `a class from 0 to ${labels.names.length - 1}` : 'a number'
        return E.left({ _tag: 'UnwritablePrediction', id, found: String(value), expected })
      }
      rows.push(`${id}\t${written}\n`)
    }
    return E.right(rows.join(''))
  }

const shown = (labels: GlueTask['labels'], value: number): string | undefined => {
  switch (labels._tag) {
    case 'classes':
      return labels.names[value]
    case 'scores':
      return Number.isNaN(value) ? undefined : Math.max(labels.least, Math.min(labels.most, value)).toFixed(3)
  }
}

/** SQuAD's and MRQA's predictions: an object from the id of a question to the text of its answer, in the given order. */
export const printAnswers = (answers: Iterable<readonly [id: string, text: string]>): string =>
  printObject([...answers].map(([id, text]) => [id, JSON.stringify(text)]))

/** SQuAD 2.0's null odds: an object from the id of a question to how much rather than its answer it has none. */
export const printNullScores = (
  scores: Iterable<readonly [id: string, score: number]>
): Either<SubmissionError, string> => {
  const all = [...scores]
  const wrong = all.find(([, score]) => !Number.isFinite(score))
  return wrong === undefined
    ? E.right(printObject(all.map(([id, score]) => [id, JSON.stringify(score)])))
    : E.left({ _tag: 'UnwritablePrediction', id: wrong[0], found: String(wrong[1]), expected: 'a finite number' })
}

/** By hand, since an object of JavaScript does not keep the order of keys that are numbers, which the scorer sees. */
const printObject = (entries: ReadonlyArray<readonly [key: string, value: string]>): string =>
  entries.length === 0
    ? '{}\n'
    : `{\n${entries.map(([key, value]) => `  ${JSON.stringify(key)}: ${value}`).join(',\n')}\n}\n`
