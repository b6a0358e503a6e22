/**
 * Scores of predicted answers, in percent, as the official scorers of SQuAD 1.1, SQuAD 2.0 and MRQA compute them.
 *
 * Questions and predictions belong together by id. Of nothing at all every score is NaN.
 */

import { answerF1, exactMatch, normaliseAnswer, wordF1 } from './answer-text.js'

/** A question and the texts that answer it; none where it has no answer. */
export type Gold = { readonly id: string; readonly golds: ReadonlyArray<string> }

/** `missing`: how many questions have no prediction. */
export type AnswerScores = {
  readonly exact: number
  readonly f1: number
  readonly total: number
  readonly missing: number
}

const percent = (sum: number, total: number): number => (100 * sum) / total

const bestOf = (score: (gold: string, predicted: string) => number, golds: ReadonlyArray<string>, text: string) =>
  golds.reduce((best, gold) => Math.max(best, score(gold, text)), 0)

/** `missingCount`: whether a question without a prediction counts, as wrong. */
const spanScores =
  (missingCount: boolean) =>
  (questions: ReadonlyArray<Gold>, predictions: ReadonlyMap<string, string>): AnswerScores => {
    let [exact, f1, predicted] = [0, 0, 0]
    for (const { id, golds } of questions) {
      const text = predictions.get(id)
      if (text === undefined) continue
      predicted += 1
      exact += bestOf(exactMatch, golds, text)
      f1 += bestOf(wordF1, golds, text)
    }
    const total = missingCount ? questions.length : predicted
    return {
      ...{ exact: percent(exact, total), f1: percent(f1, total) },
      ...{ total, missing: questions.length - predicted }
    }
  }

/**
 * SQuAD 1.1: exact match and F1, each the best over a question's answers, averaged over all questions. A missing prediction
 * scores 0, and so does a question without an answer (the official scorer ends at one).
 */
export const squad1Scores = spanScores(true)

/** MRQA as the official ELECTRA scores it: as SQuAD 1.1, over the questions that have a prediction. */
export const mrqaScores = spanScores(false)

/** The best answer that is not null, and how much rather than it the question has none. */
export type AnswerOrNull = { readonly text: string; readonly nullScore: number }

export type Squad2Scores = AnswerScores & {
  /** Of the questions with an answer; nothing where there are none. */
  readonly hasAns: AnswerScores | undefined
  /** Of the questions without. */
  readonly noAns: AnswerScores | undefined
  readonly bestExact: BestThreshold
  readonly bestF1: BestThreshold
}

/** The score that the best threshold would give, and that threshold. */
export type BestThreshold = { readonly score: number; readonly threshold: number }

/** What one prediction scores before it is known whether it stands. */
type Raw = { readonly hasAns: boolean; readonly exact: number; readonly f1: number } & AnswerOrNull

/**
 * SQuAD 2.0. A prediction whose null score exceeds `threshold` stands for "no answer"; without null scores say 0 for each and
 * 1 here, as the official scorer does.
 *
 * Questions without a prediction are left out of every mean and counted in `missing`. (The official scorer leaves them out of the
 * overall means and ends with an error at the others.) `predictions` is walked in its order, which decides between equal null
 * scores in the search for the best threshold.
 */
export const squad2Scores =
  (threshold: number) =>
  (questions: ReadonlyArray<Gold>, predictions: ReadonlyMap<string, AnswerOrNull>): Squad2Scores => {
    const raw = new Map<string, Raw>()
    for (const { id, golds } of questions) {
      const predicted = predictions.get(id)
      if (predicted === undefined) continue
      const worded = golds.filter((gold) => normaliseAnswer(gold) !== '')
      const accepted = worded.length === 0 ? [''] : worded
      raw.set(id, {
        ...predicted,
        hasAns: golds.length > 0,
        exact: bestOf(exactMatch, accepted, predicted.text),
        f1: bestOf(answerF1, accepted, predicted.text)
      })
    }
    const stands = ({ nullScore, hasAns, exact, f1 }: Raw): readonly [number, number] => {
      const blank = hasAns ? 0 : 1
      return nullScore > threshold ? [blank, blank] : [exact, f1]
    }
    const scored = (some: ReadonlyArray<Gold>): AnswerScores => {
      let [exact, f1, total] = [0, 0, 0]
      for (const { id } of some) {
        const one = raw.get(id)
        if (one === undefined) continue
        const [e, f] = stands(one)
        exact += e
        f1 += f
        total += 1
      }
      return { exact: percent(exact, total), f1: percent(f1, total), total, missing: some.length - total }
    }
    const withAnswer = questions.filter(({ golds }) => golds.length > 0)
    const without = questions.filter(({ golds }) => golds.length === 0)
    const walked = [...predictions.keys()].flatMap((id) => raw.get(id) ?? [])
    return {
      ...scored(questions),
      hasAns: withAnswer.length === 0 ? undefined : scored(withAnswer),
      noAns: without.length === 0 ? undefined : scored(without),
      bestExact: bestThreshold(walked, without.length, ({ exact }) => exact),
      bestF1: bestThreshold(walked, without.length, ({ f1 }) => f1)
    }
  }

/**
 * The best of all thresholds, found by letting predictions stand one by one, the lowest null score first.
 *
 * It starts with all of them blank, which is right for the `blank` questions without an answer, at the threshold 0. A prediction
 * that stands adds its score where there is an answer, and takes 1 away where there is none and it has a text. As the official
 * scorer, it also takes the score between two predictions of one null score, which no threshold can reach.
 */
const bestThreshold = (predictions: ReadonlyArray<Raw>, blank: number, score: (raw: Raw) => number): BestThreshold => {
  let [current, best, threshold] = [blank, blank, 0]
  for (const raw of [...predictions].sort((a, b) => a.nullScore - b.nullScore)) {
    current += raw.hasAns ? score(raw) : raw.text === '' ? 0 : -1
    if (current > best) {
      best = current
      threshold = raw.nullScore
    }
  }
  return { score: percent(best, predictions.length), threshold }
}

/** The scores under the names of the official SQuAD 2.0 scorer's JSON. */
export const officialSquad2 = (scores: Squad2Scores): Readonly<Record<string, number>> => ({
  exact: scores.exact,
  f1: scores.f1,
  total: scores.total,
  ...prefixed('HasAns', scores.hasAns),
  ...prefixed('NoAns', scores.noAns),
  best_exact: scores.bestExact.score,
  best_exact_thresh: scores.bestExact.threshold,
  best_f1: scores.bestF1.score,
  best_f1_thresh: scores.bestF1.threshold
})

const prefixed = (prefix: string, scores: AnswerScores | undefined): Readonly<Record<string, number>> =>
  scores === undefined
    ? {}
    : { [`${prefix}_exact`]: scores.exact, [`${prefix}_f1`]: scores.f1, [`${prefix}_total`]: scores.total }
