/** What the scorers of scikit-learn, SciPy, seqeval and SQuAD make of small predictions: `scripts/golden/metrics.py` wrote it. */

import { readFileSync } from 'node:fs'

/** A number, or NaN or an infinity as a text. */
type Written = number | 'nan' | 'inf' | '-inf'

type Tags = ReadonlyArray<string>
type WrittenSpan = readonly [start: number, end: number, type: string]
type Question = readonly [id: string, golds: ReadonlyArray<string>]

export type Golden = {
  readonly classes: ReadonlyArray<{
    readonly labels: ReadonlyArray<number>
    readonly predictions: ReadonlyArray<number>
    readonly accuracy: Written
    readonly matthews: Written
    readonly f1: Written
    readonly microF1: Written
    readonly macroF1: Written
  }>
  readonly numbers: ReadonlyArray<{
    readonly labels: ReadonlyArray<Written>
    readonly predictions: ReadonlyArray<Written>
    readonly pearson: Written
    readonly spearman: Written
    readonly mse: Written | null
  }>
  readonly answers: ReadonlyArray<{
    readonly gold: string
    readonly predicted: string
    readonly normalised: string
    readonly exact: number
    readonly f1: number
    readonly f1v1: number
  }>
  readonly squad2: ReadonlyArray<{
    readonly questions: ReadonlyArray<Question>
    readonly predictions: ReadonlyArray<readonly [id: string, text: string, nullScore: number]>
    readonly threshold: number
    readonly scores: Readonly<Record<string, number>>
  }>
  readonly spans: ReadonlyArray<{
    readonly questions: ReadonlyArray<Question>
    readonly predictions: ReadonlyArray<readonly [id: string, text: string]>
    readonly squad1: { readonly exact_match: number; readonly f1: number }
    readonly mrqa: { readonly exact_match: number; readonly f1: number }
  }>
  readonly tags: ReadonlyArray<{
    readonly sentences: ReadonlyArray<readonly [golds: Tags, predictions: Tags]>
    readonly seqevalSpans: ReadonlyArray<ReadonlyArray<WrittenSpan>>
    readonly precision: number
    readonly recall: number
    readonly f1: number
    readonly accuracy: number
    readonly officialSpans: ReadonlyArray<ReadonlyArray<WrittenSpan>>
    readonly bioes: ReadonlyArray<Tags>
    readonly bio: ReadonlyArray<Tags>
  }>
}

export const golden = JSON.parse(
  readFileSync(new URL('../../fixtures/task-metrics.json', import.meta.url), 'utf8')
) as Golden

export const numberOf = (written: Written): number =>
  typeof written === 'number' ? written : { nan: NaN, inf: Infinity, '-inf': -Infinity }[written]

/** NaN is NaN only, and a rounding error away from 0 is 0: a dozen products below 1, summed in another order. */
export const isAsGood = (found: number, expected: number): boolean =>
  Object.is(found, expected) || Math.abs(found - expected) <= 1e-12 * Math.abs(expected) + 12 * Number.EPSILON
