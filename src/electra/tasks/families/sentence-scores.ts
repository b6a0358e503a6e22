/**
 * What sentences and pairs of sentences are scored by: classes or numbers against labels, beside what guessing gives.
 */

import type { Column, Report } from '../../training/columns.js'
import type { NamedArrays } from '../../training/problem.js'
import type { GlueMetric } from '../glue.js'
import { unscaled, type LabelRange } from '../heads/sentence.js'
import { accuracy, f1, matthews } from '../metrics/classification.js'
import { meanSquaredError, pearson, spearman } from '../metrics/correlation.js'
import type { Judged } from '../metrics/judged.js'

/** What a row should give and what it was taken for: numbers of classes, or scores. */
export type JudgedNumbers = ReadonlyArray<Judged<number>>

const measures: Readonly<Record<GlueMetric, (judged: JudgedNumbers) => number>> = {
  accuracy,
  f1: f1(1),
  matthews,
  pearson,
  spearman,
  mse: meanSquaredError
}

const betterOf = (metric: GlueMetric): Column['better'] => (metric === 'mse' ? 'down' : 'up')

/** Those of which more is better. */
export const improvingOf = (metrics: ReadonlyArray<GlueMetric>): ReadonlyArray<GlueMetric> =>
  metrics.filter((metric) => betterOf(metric) === 'up')

const meanings: Readonly<Record<GlueMetric, string>> = {
  accuracy: 'Share of the examples whose class is right.',
  f1: 'F1 of class 1: the harmonic mean of precision and recall.',
  matthews: "Matthews' correlation of classes and predictions, from -1 to 1.",
  pearson: "Pearson's correlation of scores and predictions, from -1 to 1.",
  spearman: "Spearman's correlation of scores and predictions, from -1 to 1.",
  mse: 'Mean squared error in the units of the scores.'
}

/** What is learnt: one of several classes, or a number in a range. */
export type Kind =
  | { readonly _tag: 'classes'; readonly names: ReadonlyArray<string> }
  | { readonly _tag: 'scores'; readonly range: LabelRange }

export const labelOf = (kind: Kind, label: string): number =>
  kind._tag === 'classes' ? kind.names.indexOf(label) : Number(label)

// -------------------------------------------------------------------- baselines

/** What is always guessed by whoever reads no text: the most frequent class of training, or the mean of its scores. */
const blindGuess = (kind: Kind, labels: ReadonlyArray<number>): number => {
  if (kind._tag === 'scores') return labels.reduce((sum, y) => sum + y, 0) / labels.length
  const counts = kind.names.map((_, i) => labels.filter((y) => y === i).length)
  return counts.indexOf(Math.max(...counts))
}

/** What guessing each class equally often is expected to give. */
const chanceOf = (metric: GlueMetric, kind: Kind, labels: ReadonlyArray<number>): number | undefined => {
  const share = kind._tag === 'classes' ? 1 / kind.names.length : 0
  switch (metric) {
    case 'accuracy':
      return share
    case 'f1': {
      const precision = labels.filter((y) => y === 1).length / labels.length
      return (2 * precision * share) / (precision + share)
    }
    case 'matthews':
    case 'pearson':
    case 'spearman':
      return 0
    case 'mse':
      return undefined
  }
}

export const columnOf =
  (kind: Kind, train: ReadonlyArray<number>, dev: ReadonlyArray<number>) =>
  (metric: GlueMetric): Column => {
    const guess = blindGuess(kind, train)
    const always = measures[metric](dev.map((label) => ({ label, prediction: guess })))
    const chance = chanceOf(metric, kind, dev)
    return {
      name: metric,
      meaning: meanings[metric],
      better: betterOf(metric),
      digits: 4,
      label: metric,
      bar: { label: metric === 'accuracy' ? 'acc' : metric, digits: 4 },
      // A constant correlates with nothing.
      baselines: () => ({
        noContext: Number.isNaN(always) ? 0 : always,
        ...(chance === undefined ? {} : { chance })
      })
    }
  }

// ------------------------------------------------------------------ predictions

const argmax = (values: ArrayLike<number>, from: number, width: number): number => {
  let best = 0
  for (let i = 1; i < width; i++) if (values[from + i] > values[from + best]) best = i
  return best
}

/** Of each row: the number of its class, or its score. */
export const readPredictions = (kind: Kind, predictions: NamedArrays, rows: number): ReadonlyArray<number> =>
  kind._tag === 'classes'
    ? Array.from({ length: rows }, (_, i) => argmax(predictions.logits, i * kind.names.length, kind.names.length))
    : Array.from({ length: rows }, (_, i) => unscaled(kind.range, predictions.values[i]))

export const reportOf = (metrics: ReadonlyArray<GlueMetric>, judged: JudgedNumbers): Report =>
  Object.fromEntries(metrics.map((metric) => [metric, measures[metric](judged)]))
