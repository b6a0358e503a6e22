/** `results.json`: all that an experiment's directory holds of what was found. */

import { cpus, totalmem } from 'node:os'
import { pipe } from 'fp-ts/lib/function.js'
import * as O from 'fp-ts/lib/Option.js'
import type * as T from 'fp-ts/lib/Task.js'
import type { Arm } from '../../experiment/arms.js'
import { untrained, type Declaration } from '../../experiment/declaration.js'
import { choiceKey, type FineTuning, type Outcome, type Plan, type Pretraining } from '../../experiment/plan.js'
import type { ExperimentResults, RunFound, TrialsFound, Tuned } from '../../report/experiment/results.js'
import { judgedOf, reportOf, trainedOf } from './found.js'
import type { Places } from './places.js'

type Carried = {
  readonly declaration: Declaration
  readonly arms: ReadonlyArray<Arm>
  readonly plan: Plan
  readonly outcomes: ReadonlyMap<string, Outcome>
  readonly isComplete: boolean
}

const pending = { _tag: 'Pending' } as const

const runFound = async (
  { outcomes }: Carried,
  places: Places,
  { _tag, arm, ...job }: Pretraining
): Promise<RunFound> => {
  const report = await reportOf(places, job.id)()
  return {
    ...job,
    arm: arm.id,
    outcome: outcomes.get(job.id) ?? pending,
    ...(O.isSome(report) ? { report: report.value } : {}),
    ...(await trainedOf(places, job.id)())
  }
}

const trialsFound = async (
  { declaration, plan, outcomes }: Carried,
  places: Places,
  { _tag, ...job }: FineTuning
): Promise<TrialsFound> => {
  const majority = pipe(await judgedOf(declaration, places, { _tag, ...job })(), O.toUndefined)?.majority
  const of = plan.jobs.find(({ id }) => id === job.from)
  return {
    ...job,
    arm: job.untrained || of?._tag !== 'Pretraining' ? untrained : of.arm.id,
    outcome: outcomes.get(job.id) ?? pending,
    ...(majority === undefined ? {} : { majority })
  }
}

const tunedOf = ({ declaration, plan: { chosen } }: Carried): ReadonlyArray<Tuned> => [
  ...[...chosen.pretraining].map(([who, choice]): Tuned => ({ who, ...(choice === undefined ? {} : { choice }) })),
  ...[...Object.keys(declaration.objectives), untrained].flatMap((who) =>
    Object.keys(declaration.tasks).flatMap((task): ReadonlyArray<Tuned> => {
      const key = choiceKey(who, task)
      const choice = chosen.fineTuning.get(key)
      return chosen.fineTuning.has(key) ? [{ who, task, ...(choice === undefined ? {} : { choice }) }] : []
    })
  )
]

export type When = {
  readonly command: string
  readonly startedAt: string
  readonly version: string
}

/** Everything, as it stands in the directory now. */
export const collected =
  (carried: Carried, places: Places, { version, ...when }: When): T.Task<ExperimentResults> =>
  async () => {
    const { declaration, arms, plan, isComplete } = carried
    const runs = plan.jobs.filter((job) => job._tag === 'Pretraining')
    const trials = plan.jobs.filter((job) => job._tag === 'FineTuning')
    const [cpu] = cpus()
    return {
      declaration,
      arms,
      tuned: tunedOf(carried),
      runs: await Promise.all(runs.map((job) => runFound(carried, places, job))),
      trials: await Promise.all(trials.map((job) => trialsFound(carried, places, job))),
      isComplete,
      machine: {
        cpu: cpu?.model ?? 'unknown',
        cores: cpus().length,
        bytes: totalmem(),
        node: process.version,
        version
      },
      ...when,
      updatedAt: new Date().toISOString()
    }
  }
