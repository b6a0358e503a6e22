/**
 * How well numbers were predicted: Pearson's and Spearman's correlation as SciPy computes them, and the mean squared error.
 */

import type { Judged } from './judged.js'

/** The mean of `(prediction - label)^2`; NaN of nothing. */
export const meanSquaredError = (judged: ReadonlyArray<Judged<number>>): number =>
  judged.reduce((sum, { label, prediction }) => sum + (prediction - label) * (prediction - label), 0) / judged.length

/**
 * Pearson's correlation, in [-1, 1]. NaN of fewer than two pairs, where either side is constant, and where anything is not
 * finite.
 */
export const pearson = (judged: ReadonlyArray<Judged<number>>): number => {
  const labels = direction(judged.map(({ label }) => label))
  const predictions = direction(judged.map(({ prediction }) => prediction))
  const cosine = labels.reduce((sum, x, i) => sum + x * predictions[i], 0)
  return labels.length < 2 ? NaN : Math.max(-1, Math.min(1, cosine))
}

/**
 * Spearman's correlation: Pearson's of the ranks, values that tie sharing the mean of their ranks. NaN where Pearson's is.
 *
 * It stays as it is under any strictly increasing function of the predictions.
 */
export const spearman = (judged: ReadonlyArray<Judged<number>>): number => {
  const labels = ranks(judged.map(({ label }) => label))
  const predictions = ranks(judged.map(({ prediction }) => prediction))
  return pearson(labels.map((label, i) => ({ label, prediction: predictions[i] })))
}

/** The values less their mean, as a vector of length 1. A constant has no direction: NaNs. */
const direction = (values: ReadonlyArray<number>): ReadonlyArray<number> => {
  // Told by the values: the rounded mean of a constant may differ from it.
  if (values.every((value) => value === values[0])) return values.map(() => NaN)
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const centred = values.map((value) => value - mean)
  // Divided before they are squared, so that neither huge nor tiny values overflow or vanish.
  const largest = centred.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  const scaled = centred.map((value) => value / largest)
  const norm = Math.sqrt(scaled.reduce((sum, value) => sum + value * value, 0))
  return scaled.map((value) => value / norm)
}

/** Ranks from 1; those of equal values are the mean of the places that they take. NaNs where one of the values is NaN. */
const ranks = (values: ReadonlyArray<number>): ReadonlyArray<number> => {
  if (values.some(Number.isNaN)) return values.map(() => NaN)
  const order = values.map((_, i) => i).sort((a, b) => (values[a] < values[b] ? -1 : values[a] > values[b] ? 1 : 0))
  const ranked = new Array<number>(values.length).fill(0)
  for (let start = 0; start < order.length;) {
    let end = start + 1
    while (end < order.length && values[order[end]] === values[order[start]]) end++
    // The mean of the ranks start + 1 to end.
    for (let at = start; at < end; at++) ranked[order[at]] = (start + 1 + end) / 2
    start = end
  }
  return ranked
}
