/**
 * What an experiment has to run, by what it has found so far: a function of declaration and outcomes, so that it is resumed by being
 * asked again.
 *
 * Rates are chosen first, by runs with a seed of their own; then every arm is trained with every seed at its objective's rate, and
 * fine-tuned at the rates of its objective and task.
 */

import { deviation, mean, type Numbers } from '../statistics/moments.js'
import type { Arm } from './arms.js'
import { untrained, type Budget, type Declaration, type TaskDeclaration } from './declaration.js'

export type Pretraining = {
  readonly _tag: 'Pretraining'
  readonly id: string
  /** Whether it only serves to choose rates. */
  readonly isTuning: boolean
  readonly arm: Arm
  readonly budget: Budget
  readonly seed: number
  readonly rate: number
}

export type FineTuning = {
  readonly _tag: 'FineTuning'
  readonly id: string
  readonly isTuning: boolean
  /** By its name in the declaration. */
  readonly task: string
  /** The run that its model is of. */
  readonly from: string
  /** Whether the weights are drawn anew: the run gives the architecture. */
  readonly untrained: boolean
  readonly seed: number
  readonly trials: number
  readonly rate: number
}

export type Job = Pretraining | FineTuning

/** How a job ended. `scores` are what fine-tuning was judged by, a number for each trial; none of pre-training. */
export type Outcome =
  | { readonly _tag: 'Done'; readonly scores: ReadonlyArray<number> }
  | { readonly _tag: 'Failed'; readonly reason: string }

export type Outcomes = ReadonlyMap<string, Outcome>

/** The rate that was best, and what each that was tried came to: NaN where it failed. */
export type Choice = {
  readonly rate: number
  readonly tried: ReadonlyArray<{ readonly rate: number; readonly score: number }>
}

export type Chosen = {
  /** Of pre-training, by objective; `undefined` where all that were tried failed. */
  readonly pretraining: ReadonlyMap<string, Choice | undefined>
  /** Of fine-tuning, by who (an objective, or `untrained`) and task: see `choiceKey`. */
  readonly fineTuning: ReadonlyMap<string, Choice | undefined>
}

export type Plan = {
  /** All that is known to be run, in the order in which it is. What it needs is done. */
  readonly jobs: ReadonlyArray<Job>
  /** How many there will be, and how long they are together by `workOf`, where nothing fails. */
  readonly total: Readonly<Record<Job['_tag'], { readonly jobs: number; readonly work: number }>>
  readonly chosen: Chosen
}

export const choiceKey = (who: string, task: string): string => `${who} ${task}`

const slug = (rate: number): string => rate.toExponential().replace('e-', 'e')

const tasksOf = ({ tasks }: Declaration): ReadonlyArray<readonly [string, TaskDeclaration]> => Object.entries(tasks)

/** The first arm of each objective stands for it where rates are chosen. */
const tuningArms = (declaration: Declaration, arms: ReadonlyArray<Arm>): ReadonlyArray<Arm> =>
  Object.keys(declaration.objectives).flatMap((name) => arms.find(({ objective }) => objective === name) ?? [])

/** Where there is one rate, nothing is to be chosen. */
const isOpen = ({ rates }: { readonly rates: ReadonlyArray<number> }): boolean => rates.length > 1

/** Whether rates of pre-training are chosen by this task. */
const chooses = ({ tuning }: Declaration, task: string): boolean => tuning.tasks?.includes(task) ?? true

/** What runs that choose are fine-tuned on: what rates of pre-training are chosen by, and whatever has rates of its own to choose. */
const tuningTasks = (declaration: Declaration): ReturnType<typeof tasksOf> =>
  tasksOf(declaration).filter(
    ([name, task]) => (isOpen(declaration.tuning) && chooses(declaration, name)) || isOpen(task)
  )

/** With a choice open, every rate; else none. */
const tuningRuns = (declaration: Declaration, arms: ReadonlyArray<Arm>): ReadonlyArray<Pretraining> => {
  const { tuning, budgets } = declaration
  const isNeeded = isOpen(tuning) || tasksOf(declaration).some(([, task]) => isOpen(task))
  return !isNeeded
    ? []
    : tuningArms(declaration, arms).flatMap((arm) =>
        tuning.rates.map((rate): Pretraining => ({
          _tag: 'Pretraining',
          id: `tune-${arm.objective}-${slug(rate)}`,
          isTuning: true,
          arm,
          budget: tuning.budget ?? budgets[0],
          seed: tuning.seed,
          rate
        }))
      )
}

/** Trials of each job that serves to choose. */
const choosingTrials = ({ tuning: { trials = 1 } }: Declaration): number => trials

const fineTuned = (
  from: string,
  declaration: Declaration,
  name: string,
  rate: number,
  more: Pick<FineTuning, 'isTuning' | 'untrained' | 'seed'>
): FineTuning => ({
  _tag: 'FineTuning',
  id: `${more.untrained ? `${untrained}-s${more.seed}` : from}-${name}-${slug(rate)}`,
  from,
  task: name,
  rate,
  trials: more.isTuning ? choosingTrials(declaration) : declaration.tasks[name].trials,
  ...more
})

const meanOf = (outcome: Outcome | undefined): number => (outcome?._tag === 'Done' ? mean(outcome.scores) : NaN)

const best = (tried: Choice['tried']): Choice | undefined => {
  const scored = tried.filter(({ score }) => !Number.isNaN(score))
  if (scored.length === 0) return undefined
  const { rate } = scored.reduce((a, b) => (b.score > a.score ? b : a))
  return { rate, tried }
}

const isDone = (outcomes: Outcomes, id: string): boolean => outcomes.get(id)?._tag === 'Done'

/** The first that has not failed, and not the first to be done, which is another one where jobs take other times. */
const firstLeft = (runs: ReadonlyArray<Pretraining>, outcomes: Outcomes): Pretraining | undefined =>
  runs.find(({ id }) => outcomes.get(id)?._tag !== 'Failed')

/** What chooses the rates of fine-tuning on the models of these runs. */
const tuningTrials = (
  declaration: Declaration,
  runs: ReadonlyArray<Pretraining>,
  outcomes: Outcomes
): ReadonlyArray<FineTuning> => {
  const { seed } = declaration.tuning
  const model = firstLeft(runs, outcomes)
  return tuningTasks(declaration).flatMap(([name, { rates }]) =>
    rates.flatMap((rate) => [
      ...runs
        .filter(({ id }) => isDone(outcomes, id))
        .map(({ id }) => fineTuned(id, declaration, name, rate, { isTuning: true, untrained: false, seed })),
      ...(declaration.untrained && model !== undefined && isDone(outcomes, model.id) && isOpen({ rates })
        ? [fineTuned(model.id, declaration, name, rate, { isTuning: true, untrained: true, seed })]
        : [])
    ])
  )
}

const only = (rate: number): Choice => ({ rate, tried: [] })

/** The best that fine-tuning makes of a run on a task, over its rates; NaN where all fail. */
const bestScore = (trials: ReadonlyArray<FineTuning>, run: Pretraining, name: string, outcomes: Outcomes): number =>
  trials
    .filter(({ from, task, untrained: isUntrained }) => from === run.id && task === name && !isUntrained)
    .map(({ id }) => meanOf(outcomes.get(id)))
    .reduce((a, b) => (Number.isNaN(a) || b > a ? b : a), NaN)

/** In deviations from the mean of those that are numbers: tasks have units of their own, some fractions and some percent. */
const standardized = (scores: Numbers): Numbers => {
  const known = scores.filter((x) => !Number.isNaN(x))
  const [centre, spread] = [mean(known), deviation(known)]
  return scores.map((x) => (spread > 0 ? (x - centre) / spread : x - centre))
}

/** What a run is worth: the mean, over the tasks that choose, of its standing among all runs that choose. */
const worthOf = (
  declaration: Declaration,
  runs: ReadonlyArray<Pretraining>,
  trials: ReadonlyArray<FineTuning>,
  outcomes: Outcomes
): ReadonlyMap<string, number> => {
  const byTask = tasksOf(declaration)
    .filter(([name]) => chooses(declaration, name))
    .map(([name]) => standardized(runs.map((run) => bestScore(trials, run, name, outcomes))))
  return new Map(runs.map(({ id }, r) => [id, mean(byTask.map((scores) => scores[r]))]))
}

const chosenFrom = (
  declaration: Declaration,
  runs: ReadonlyArray<Pretraining>,
  trials: ReadonlyArray<FineTuning>,
  outcomes: Outcomes
): Chosen => {
  const { tuning } = declaration
  const names = Object.keys(declaration.objectives)
  const worth = worthOf(declaration, runs, trials, outcomes)
  const pretraining = new Map(
    names.map((name) => [
      name,
      isOpen(tuning)
        ? best(
            runs
              .filter(({ arm }) => arm.objective === name)
              .map(({ id, rate }) => ({ rate, score: worth.get(id) ?? NaN }))
          )
        : only(tuning.rates[0])
    ])
  )
  const ofTask = (who: string, task: string, rates: ReadonlyArray<number>): Choice | undefined => {
    if (rates.length === 1) return only(rates[0])
    const rate = pretraining.get(who)?.rate
    const own = trials.filter(
      (trial) =>
        trial.task === task &&
        (who === untrained
          ? trial.untrained
          : !trial.untrained &&
            runs.some(({ id, arm, ...run }) => id === trial.from && arm.objective === who && run.rate === rate))
    )
    return best(own.map((trial) => ({ rate: trial.rate, score: meanOf(outcomes.get(trial.id)) })))
  }
  const who = [...names, ...(declaration.untrained ? [untrained] : [])]
  const fineTuning = new Map(
    who.flatMap((name) =>
      tasksOf(declaration).map(([task, { rates }]) => [choiceKey(name, task), ofTask(name, task, rates)] as const)
    )
  )
  return { pretraining, fineTuning }
}

/** A run says at which rate it is where others were tried: with another choice it is another run. */
const judgedId = ({ tuning }: Declaration, arm: Arm, rate: number, seed: number): string =>
  `${arm.id}${isOpen(tuning) ? `-${slug(rate)}` : ''}-s${seed}`

const runOf = (
  declaration: Declaration,
  arm: Arm,
  { pretraining }: Chosen,
  seed: number
): ReadonlyArray<Pretraining> => {
  const rate = pretraining.get(arm.objective)?.rate
  return rate === undefined
    ? []
    : [
        {
          _tag: 'Pretraining',
          id: judgedId(declaration, arm, rate, seed),
          isTuning: false,
          arm,
          budget: declaration.budgets[arm.budget],
          seed,
          rate
        }
      ]
}

/** Whether an arm's network is that whose weights are fine-tuned untrained: those of the first size. */
export const isOfUntrained = (arms: ReadonlyArray<Arm>, { size }: Arm): boolean => size === arms[0].size

/** Seed by seed: what is there of an experiment that is interrupted can be compared. */
const judgedJobs = (
  declaration: Declaration,
  arms: ReadonlyArray<Arm>,
  chosen: Chosen,
  outcomes: Outcomes
): ReadonlyArray<Job> => {
  const trialsOf = (who: string, from: string, seed: number): ReadonlyArray<FineTuning> =>
    tasksOf(declaration).flatMap(([name]) => {
      const rate = chosen.fineTuning.get(choiceKey(who, name))?.rate
      return rate === undefined
        ? []
        : [fineTuned(from, declaration, name, rate, { isTuning: false, untrained: who === untrained, seed })]
    })
  return declaration.seeds.flatMap((seed) => {
    const runs = arms.flatMap((arm) => runOf(declaration, arm, chosen, seed))
    const done = runs.filter(({ id }) => isDone(outcomes, id))
    const architecture = firstLeft(
      runs.filter(({ arm }) => isOfUntrained(arms, arm)),
      outcomes
    )
    return [
      ...runs,
      ...done.flatMap(({ id, arm }) => trialsOf(arm.objective, id, seed)),
      ...(declaration.untrained && architecture !== undefined && isDone(outcomes, architecture.id)
        ? trialsOf(untrained, architecture.id, seed)
        : [])
    ]
  })
}

/** How long runs are beside each other: their operations or steps; the same where some budgets are in these and some in those. */
const lengthOf = ({ budgets, tuning }: Declaration): ((budget: Budget) => number) => {
  const all = [...budgets, ...(tuning.budget === undefined ? [] : [tuning.budget])]
  const isInSteps = all.map((budget) => 'steps' in budget)
  return new Set(isInSteps).size > 1 ? () => 1 : (budget) => ('steps' in budget ? budget.steps : budget.flops)
}

/** How long a job is beside others of its kind. */
export const workOf = (declaration: Declaration): ((job: Job) => number) => {
  const length = lengthOf(declaration)
  return (job) => (job._tag === 'Pretraining' ? length(job.budget) : job.trials)
}

const sum = (values: Numbers): number => values.reduce((a, b) => a + b, 0)

/** All jobs, where none fails. */
const totalOf = (
  declaration: Declaration,
  arms: ReadonlyArray<Arm>,
  tuning: ReadonlyArray<Pretraining>
): Plan['total'] => {
  const { seeds, budgets, untrained: withUntrained } = declaration
  const length = lengthOf(declaration)
  const tasks = tasksOf(declaration).map(([, task]) => task)
  const rates = sum(tuningTasks(declaration).map(([, task]) => task.rates.length))
  const openRates = sum(tasks.filter(isOpen).map((task) => task.rates.length))
  const ofTuning = tuning.length === 0 ? 0 : tuning.length * rates + (withUntrained ? openRates : 0)
  const models = seeds.length * (arms.length + (withUntrained ? 1 : 0))
  return {
    Pretraining: {
      jobs: tuning.length + seeds.length * arms.length,
      work:
        sum(tuning.map(({ budget }) => length(budget))) +
        seeds.length * sum(arms.map((arm) => length(budgets[arm.budget])))
    },
    FineTuning: {
      jobs: ofTuning + models * tasks.length,
      work: ofTuning * choosingTrials(declaration) + models * sum(tasks.map(({ trials }) => trials))
    }
  }
}

/** What there is to run, after these outcomes. It is finished where all its jobs have one. */
export const plan = (declaration: Declaration, arms: ReadonlyArray<Arm>, outcomes: Outcomes): Plan => {
  const runs = tuningRuns(declaration, arms)
  const trials = tuningTrials(declaration, runs, outcomes)
  const tuning = [...runs, ...trials]
  const total = totalOf(declaration, arms, runs)
  const chosen = chosenFrom(declaration, runs, trials, outcomes)
  return tuning.every(({ id }) => outcomes.has(id))
    ? { jobs: [...tuning, ...judgedJobs(declaration, arms, chosen, outcomes)], total, chosen }
    : { jobs: tuning, total, chosen: { pretraining: new Map(), fineTuning: new Map() } }
}
