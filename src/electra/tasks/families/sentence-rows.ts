/**
 * Sentences and pairs of sentences as rows of a network, and what it says of them as scores and files of predictions.
 */

import { pipe } from 'fp-ts/lib/function.js'
import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Skipped } from '../../data/text/source.js'
import type { Tokenizer, TokenizerError } from '../../data/vocabulary/tokenizer.js'
import type { NamedArrays } from '../../training/problem.js'
import type { SentenceExample } from '../data/examples.js'
import type { Reading } from '../data/reader.js'
import { padRows } from '../features/rows.js'
import { encodeSentenceTexts, type SentenceRow } from '../features/sentences.js'
import type { GlueMetric, GlueTask } from '../glue.js'
import { scaled } from '../heads/sentence.js'
import { printGlue, showSubmissionError, type GluePrediction } from '../submissions.js'
import type { Judgement, Rows, Split } from '../task.js'
import { labelOf, readPredictions, reportOf, type Kind } from './sentence-scores.js'

/** What a split is made of. */
export type Source = {
  readonly examples: ReadonlyArray<SentenceExample>
  readonly skipped: ReadonlyArray<Skipped>
  /** The file that its predictions go to. */
  readonly submission: string
}

export const sourceOf =
  (submission: string) =>
  ({ examples, skipped }: Reading<SentenceExample>): Source => ({ examples, skipped, submission })

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

export type Spec = {
  readonly kind: Kind
  /** What classes and scores are called in the files of predictions. */
  readonly labels: GlueTask['labels']
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

export const splitOf =
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
