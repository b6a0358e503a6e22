/**
 * From what a network for spans says of all rows to an answer for each question.
 */

import type { HeadKind } from '../../store/models/hf-task-config.js'
import type { NamedArrays } from '../../training/problem.js'
import {
  beamCandidates,
  logitCandidates,
  logitNullScore,
  predictAnswer,
  type AnswerOptions,
  type PredictedAnswer,
  type SpanCandidate
} from '../features/answers.js'
import type { EncodedQuestion, Window } from '../features/question-windows.js'

/** What the network says of row n. */
type Said = (row: number) => { readonly candidates: ReadonlyArray<SpanCandidate>; readonly nullScore: number }

const part = (values: ArrayLike<number>, width: number, row: number): ReadonlyArray<number> =>
  Array.from({ length: width }, (_, i) => values[row * width + i])

/** The beams of `jointSpans`, which say themselves how wide they are. */
const saidByBeams =
  ({ starts, startLogProbs, ends, endLogProbs, answerability }: NamedArrays, rows: number): Said =>
  (row) => {
    const width = starts.length / rows
    return {
      candidates: beamCandidates({
        starts: part(starts, width, row),
        startLogProbs: part(startLogProbs, width, row),
        ends: part(ends, width * width, row),
        endLogProbs: part(endLogProbs, width * width, row)
      }),
      nullScore: answerability[row]
    }
  }

/** The logits of `independentSpans`. */
const saidByLogits =
  (nBest: number, { startLogits, endLogits }: NamedArrays, rows: number): Said =>
  (row) => {
    const length = startLogits.length / rows
    const [starts, ends] = [part(startLogits, length, row), part(endLogits, length, row)]
    return { candidates: logitCandidates(nBest, starts, ends), nullScore: logitNullScore(starts, ends) }
  }

/** Where the published code begins to look for the least: what a question without a row has. */
const highestNullScore = 1e6

/** Of logits it is how much likelier [CLS] is than the answer; a head that judges answerability says it itself. */
const nullScoreOf = (head: HeadKind, { text, nBest, nullScore }: PredictedAnswer): number => {
  const score = nBest.find((one) => one.text === text)?.score ?? 0
  const found = head === 'official' ? nullScore : nullScore - score
  // What is no number says nothing, and must not end the writing of all others.
  return Number.isFinite(found) ? found : highestNullScore
}

/**
 * An answer for each question from the predictions of all rows, which stand in the order of the questions and of their windows. The
 * null score of a question without a row is 1e6.
 */
export const answersOf =
  (head: HeadKind, options: AnswerOptions, windowsOf: (question: EncodedQuestion) => ReadonlyArray<Window>) =>
  (questions: ReadonlyArray<EncodedQuestion>, rows: number) =>
  (predictions: NamedArrays): ReadonlyArray<PredictedAnswer> => {
    const said = head === 'official' ? saidByBeams(predictions, rows) : saidByLogits(options.nBest, predictions, rows)
    const answer = predictAnswer(options)
    let row = 0
    return questions.map((question) => {
      const found = answer(
        question,
        windowsOf(question).map((window) => ({ window, ...said(row++) }))
      )
      return { ...found, nullScore: nullScoreOf(head, found) }
    })
  }
