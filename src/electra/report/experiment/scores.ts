/**
 * What the trials of an experiment come to: a number for each arm, task and seed, and how it varies over seeds. In points, as GLUE's are
 * given: 100 times the metric, so that accuracy and F1 are percent.
 */

import type { ExperimentResults, TrialsFound } from './results.js'
import { deviation, mean, type Numbers } from '../../statistics/moments.js'
import { taskNamed } from '../../tasks/table.js'
import type { TaskTag } from '../../tasks/task.js'

/** Arms and tasks are compared by their names; `untrained` is one. */
export type Scores = {
  readonly arm: string
  readonly task: string
  /** By seed, in the order of the declaration: the mean over the trials of each. */
  readonly bySeed: ReadonlyArray<{ readonly seed: number; readonly score: number; readonly trials: Numbers }>
  readonly mean: number
  /** Over seeds. */
  readonly deviation: number
  /** Of the trials of a seed, root mean square over the seeds that have several: NaN where none has. */
  readonly withinSeeds: number
  readonly failed: number
  readonly pending: number
}

export const untrainedArm = 'untrained'

/** Behind the point, of scores and their differences. */
export const scoreDigits = 2

/** Scorers of tags and spans give percent, others fractions. */
const factors: Readonly<Record<TaskTag, 1 | 100>> = { Classification: 100, Regression: 100, Tagging: 1, Spans: 1 }

/** A number as the scorer of a task gives it, in points. Tables of one's own, which have no name here, are of sentences. */
export const pointsOf = ({ declaration }: ExperimentResults, task: string): ((score: number) => number) => {
  const named = taskNamed(declaration.tasks[task].task)
  const factor = named === undefined ? factors.Classification : factors[named.says]
  return (score) => factor * score
}

/** NaN where a trial came to no number. */
const scoresOf = (results: ExperimentResults, { task, outcome }: TrialsFound): Numbers =>
  outcome._tag === 'Done' ? outcome.scores.map(pointsOf(results, task)) : []

const within = (all: ReadonlyArray<Numbers>): number => {
  const spreads = all.map(deviation).filter((x) => !Number.isNaN(x))
  return Math.sqrt(mean(spreads.map((x) => x * x)))
}

const judged = ({ trials }: ExperimentResults, arm: string, task: string): ReadonlyArray<TrialsFound> =>
  trials.filter((trial) => !trial.isTuning && trial.arm === arm && trial.task === task)

export const scoresFor = (results: ExperimentResults, arm: string, task: string): Scores => {
  const own = judged(results, arm, task)
  const bySeed = results.declaration.seeds.flatMap((seed) => {
    const trials = own.filter((trial) => trial.seed === seed).flatMap((trial) => scoresOf(results, trial))
    const score = mean(trials)
    return Number.isFinite(score) ? [{ seed, score, trials }] : []
  })
  const values = bySeed.map(({ score }) => score)
  return {
    arm,
    task,
    bySeed,
    mean: mean(values),
    deviation: deviation(values),
    withinSeeds: within(bySeed.map(({ trials }) => trials)),
    failed: own.filter(
      (trial) =>
        trial.outcome._tag === 'Failed' ||
        (trial.outcome._tag === 'Done' && !Number.isFinite(mean(trial.outcome.scores)))
    ).length,
    pending: own.filter(({ outcome }) => outcome._tag === 'Pending').length
  }
}

export const tasksOf = ({ declaration }: ExperimentResults): ReadonlyArray<string> => Object.keys(declaration.tasks)

/** Of every arm and task, tasks side by side; the untrained last, where they are declared. */
export const allScores = (results: ExperimentResults): ReadonlyArray<Scores> =>
  tasksOf(results).flatMap((task) =>
    [...results.arms.map(({ id }) => id), ...(results.declaration.untrained ? [untrainedArm] : [])].map((arm) =>
      scoresFor(results, arm, task)
    )
  )

/** What always guessing the most frequent label gives; NaN where nobody knows. */
export const majorityOf = (results: ExperimentResults, task: string): number =>
  pointsOf(
    results,
    task
  )(results.trials.find((trial) => trial.task === task && trial.majority !== undefined)?.majority ?? NaN)

/** The number that a task is judged by, with its unit. */
export const metricOf = ({ declaration }: ExperimentResults, task: string): string =>
  `${declaration.tasks[task].metric}, points`
