/**
 * How well the words of sentences were tagged: by word, and by span.
 *
 * A sentence's prediction may be shorter than its tags, where it did not fit into the model: words without a prediction are
 * wrong, and outside of every predicted span. (The official repository leaves them out, which flatters.)
 */

import type { Span } from '../spans.js'
import type { Judged } from './judged.js'

type Tags = ReadonlyArray<string>

/** The share of words whose tag is right; NaN of no words. */
export const tokenAccuracy = (sentences: ReadonlyArray<Judged<Tags>>): number => {
  let [correct, total] = [0, 0]
  for (const { label, prediction } of sentences) {
    total += label.length
    label.forEach((tag, i) => (correct += tag === prediction[i] ? 1 : 0))
  }
  return correct / total
}

/** Fractions, and the counts that they are made of. */
export type SpanScores = {
  readonly precision: number
  readonly recall: number
  readonly f1: number
  readonly correct: number
  readonly predicted: number
  readonly actual: number
}

/**
 * Precision, recall and F1 over the spans of all sentences together. A span is right where start, end and type are. A fraction
 * with nothing below it is 0.
 *
 * `spansOf` says what the spans of tags are: `seqevalSpans` gives seqeval's (default mode, micro average) and conlleval's scores,
 * `officialSpans` those of the official ELECTRA repository. They differ on tags that are not well-formed.
 */
export const spanScores =
  (spansOf: (tags: Tags) => ReadonlyArray<Span>) =>
  (sentences: ReadonlyArray<Judged<Tags>>): SpanScores => {
    let [correct, predicted, actual] = [0, 0, 0]
    for (const { label, prediction } of sentences) {
      const golds = new Set(spansOf(label).map(keyOf))
      const found = spansOf(prediction.slice(0, label.length)).map(keyOf)
      correct += found.filter((span) => golds.has(span)).length
      predicted += found.length
      actual += golds.size
    }
    const ratio = (of: number, all: number): number => (all === 0 ? 0 : of / all)
    const [precision, recall] = [ratio(correct, predicted), ratio(correct, actual)]
    const f1 = ratio(2 * precision * recall, precision + recall)
    return { precision, recall, f1, correct, predicted, actual }
  }

const keyOf = ({ start, end, type }: Span): string => `${start} ${end} ${type}`
