/**
 * From what a network says of a question's rows to an answer in words.
 */

import type { EncodedQuestion, Window } from './question-windows.js'
import { joinedPieces, projectText } from './text-projection.js'

/** A span of positions in one row. */
export type SpanCandidate = { readonly start: number; readonly end: number; readonly score: number }

/** What a network says of one row. */
export type WindowAnswer = {
  readonly window: Window
  readonly candidates: ReadonlyArray<SpanCandidate>
  /** That there is no answer. */
  readonly nullScore: number
}

export type AnswerOptions = {
  /** How many different texts are kept: 20. */
  readonly nBest: number
  /** In pieces: 30. */
  readonly longestAnswer: number
  /** By id. */
  readonly pieces: ReadonlyArray<string>
  /** Text into words, as `wordCutter` does. */
  readonly wordsOf: (text: string) => ReadonlyArray<string>
}

export type PredictedAnswer = {
  readonly id: string
  /** The likeliest text, whatever the null score says: whoever scores compares that with a threshold. */
  readonly text: string
  /** The higher, the likelier there is no answer: the least over the rows. Infinity where there is no row. */
  readonly nullScore: number
  readonly nBest: ReadonlyArray<{ readonly text: string; readonly score: number }>
}

/** A beam of one row: K starts, and K ends of each. */
export type RowBeam = {
  readonly starts: ArrayLike<number>
  readonly startLogProbs: ArrayLike<number>
  readonly ends: ArrayLike<number>
  readonly endLogProbs: ArrayLike<number>
}

/** The joint head's spans: the sum of the two logarithms. */
export const beamCandidates = ({ starts, startLogProbs, ends, endLogProbs }: RowBeam): ReadonlyArray<SpanCandidate> => {
  const each = starts.length === 0 ? 0 : ends.length / starts.length
  return Array.from({ length: ends.length }, (_, i) => {
    const k = Math.floor(i / each)
    return { start: starts[k], end: ends[i], score: startLogProbs[k] + endLogProbs[i] }
  })
}

/** Where the n largest stand, the first of equals first. */
const largest = (n: number, values: ArrayLike<number>): ReadonlyArray<number> =>
  Array.from(values, (value, i) => ({ value, i }))
    .sort((a, b) => b.value - a.value)
    .slice(0, n)
    .map(({ i }) => i)

/** The independent head's spans: every pair of the n likeliest starts and ends; the sum of the two logits. */
export const logitCandidates = (
  n: number,
  startLogits: ArrayLike<number>,
  endLogits: ArrayLike<number>
): ReadonlyArray<SpanCandidate> => {
  const ends = largest(n, endLogits)
  return largest(n, startLogits).flatMap((start) =>
    ends.map((end) => ({ start, end, score: startLogits[start] + endLogits[end] }))
  )
}

/** A span that can be an answer: in the window, not too long, and shown by no other row with more around it. */
const isPossible = (
  { offset, count, hasMaxContext }: Window,
  longestAnswer: number,
  { start, end }: SpanCandidate
): boolean =>
  start >= offset &&
  end >= start &&
  end < offset + count &&
  end - start < longestAnswer &&
  hasMaxContext[start - offset]

/**
 * The answer to a question from all of its rows.
 *
 * Spans that can be answers are sorted by score and turned into text; of equal texts the first is kept. Without any the answer is
 * `empty`, with score 0. Scores of different rows are compared as they are, though each row's probabilities sum to 1. Source:
 * `write_predictions` of ELECTRA's published code.
 */
export const predictAnswer =
  ({ nBest, longestAnswer, pieces, wordsOf }: AnswerOptions) =>
  (question: EncodedQuestion, rows: ReadonlyArray<WindowAnswer>): PredictedAnswer => {
    const project = projectText(wordsOf)
    const spans = rows
      .flatMap(({ window, candidates }) =>
        candidates.filter((c) => isPossible(window, longestAnswer, c)).map((c) => ({ ...c, window }))
      )
      .sort((a, b) => b.score - a.score)
    const found = new Map<string, number>()
    for (const { start, end, score, window } of spans) {
      if (found.size === nBest) break
      const at = (position: number): number => position - window.offset + window.from
      const words = question.words.slice(question.wordOf[at(start)], question.wordOf[at(end)] + 1)
      const predicted = joinedPieces(window.ids.slice(start, end + 1).map((id) => pieces[id]))
      const text = project(predicted, words.join(' '))
      if (!found.has(text)) found.set(text, score)
    }
    if (found.size === 0) found.set('empty', 0)
    const texts = [...found].map(([text, score]) => ({ text, score }))
    return {
      id: question.id,
      text: (texts.find(({ text }) => text !== '') ?? texts[0]).text,
      nullScore: rows.reduce((least, row) => Math.min(least, row.nullScore), Infinity),
      nBest: texts
    }
  }

/**
 * The null score of a network without a head for it, from a row's logits of [CLS]: subtract the best span's score from the least
 * over the rows, `answer.nullScore - answer.nBest[0].score`.
 */
export const logitNullScore = (startLogits: ArrayLike<number>, endLogits: ArrayLike<number>): number =>
  startLogits[0] + endLogits[0]
