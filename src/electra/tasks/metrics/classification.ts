/**
 * How well classes were predicted: accuracy, F1 and Matthews' correlation, as fractions, equal to scikit-learn's.
 *
 * Classes are compared by value: indices or words, as one likes. Where scikit-learn warns and says 0, so do these; of no
 * examples at all each is NaN.
 */

import type { Judged } from './judged.js'

type Class = string | number

/** The share of predictions that are right. */
export const accuracy = (judged: ReadonlyArray<Judged<Class>>): number =>
  judged.filter(({ label, prediction }) => label === prediction).length / judged.length

/** Of one class: how often it was rightly predicted, how often predicted, and how often true. */
type Counts = { readonly correct: number; readonly predicted: number; readonly actual: number }

const none: Counts = { correct: 0, predicted: 0, actual: 0 }

const countsByClass = (judged: ReadonlyArray<Judged<Class>>): ReadonlyMap<Class, Counts> => {
  const counts = new Map<Class, Counts>()
  const add = (of: Class, { correct, predicted, actual }: Counts): void => {
    const before = counts.get(of) ?? none
    counts.set(of, {
      correct: before.correct + correct,
      predicted: before.predicted + predicted,
      actual: before.actual + actual
    })
  }
  for (const { label, prediction } of judged) {
    add(label, { correct: label === prediction ? 1 : 0, predicted: 0, actual: 1 })
    add(prediction, { correct: 0, predicted: 1, actual: 0 })
  }
  return counts
}

/** `2 tp / (2 tp + fp + fn)`, the harmonic mean of precision and recall; 0 where the class is neither true nor predicted. */
const f1OfCounts = ({ correct, predicted, actual }: Counts): number =>
  predicted + actual === 0 ? 0 : (2 * correct) / (predicted + actual)

/**
 * F1 of one class, that of MRPC and QQP with `positive = 1`.
 *
 * The official repository's classification F1 is not this: its recall equals its precision.
 */
export const f1 =
  (positive: Class) =>
  (judged: ReadonlyArray<Judged<Class>>): number =>
    judged.length === 0 ? NaN : f1OfCounts(countsByClass(judged).get(positive) ?? none)

/** F1 of all classes' counts together. Where each example has one class this is the accuracy. */
export const microF1 = (judged: ReadonlyArray<Judged<Class>>): number => {
  const counts = [...countsByClass(judged).values()]
  const sum = (of: keyof Counts): number => counts.reduce((total, c) => total + c[of], 0)
  return judged.length === 0
    ? NaN
    : f1OfCounts({ correct: sum('correct'), predicted: sum('predicted'), actual: sum('actual') })
}

/** The mean over the classes that occur, in labels or predictions, of their F1. */
export const macroF1 = (judged: ReadonlyArray<Judged<Class>>): number => {
  const scores = [...countsByClass(judged).values()].map(f1OfCounts)
  return scores.reduce((total, score) => total + score, 0) / scores.length
}

/**
 * Matthews' correlation of labels and predictions, that of CoLA; for more than two classes Gorodkin's R_K.
 *
 *     (c n - sum_k t_k p_k) / sqrt((n^2 - sum_k p_k^2) (n^2 - sum_k t_k^2))
 *
 * with c right of n, and t_k, p_k how often class k is true and predicted. In [-1, 1]; 0 where either side is one class only.
 * Source: Gorodkin 2004, https://doi.org/10.1016/j.compbiolchem.2004.09.006
 */
export const matthews = (judged: ReadonlyArray<Judged<Class>>): number => {
  const n = judged.length
  const counts = [...countsByClass(judged).values()]
  const sum = (of: (c: Counts) => number): number => counts.reduce((total, c) => total + of(c), 0)
  const covariance = n * sum((c) => c.correct) - sum((c) => c.actual * c.predicted)
  const predicted = n * n - sum((c) => c.predicted * c.predicted)
  const actual = n * n - sum((c) => c.actual * c.actual)
  if (n === 0) return NaN
  return predicted === 0 || actual === 0 ? 0 : covariance / Math.sqrt(predicted * actual)
}
