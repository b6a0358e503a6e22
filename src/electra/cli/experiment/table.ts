/** What is seen of an experiment while it runs: how far it is, when it will end, and what runs. */

import type { Job, Outcome, Plan } from '../../experiment/plan.js'
import { counted } from '../../counted.js'
import { showSeconds } from '../progress.js'

type Kind = Job['_tag']

/** What jobs took that are done, by their kinds. */
export type Took = Readonly<Record<Kind, { readonly seconds: number; readonly work: number }>>

const nothing = { seconds: 0, work: 0 }

export const nothingTook: Took = { Pretraining: nothing, FineTuning: nothing }

export const took = (before: Took, { _tag }: Job, seconds: number, work: number): Took => ({
  ...before,
  [_tag]: { seconds: before[_tag].seconds + seconds, work: before[_tag].work + work }
})

export type Progressing = {
  readonly plan: Plan
  readonly outcomes: ReadonlyMap<string, Outcome>
  readonly took: Took
  readonly workOf: (job: Job) => number
  /** Jobs at a time. */
  readonly jobs: number
  /** Those that run, and for how long they have. */
  readonly running: ReadonlyArray<{ readonly job: Job; readonly seconds: number }>
}

const sum = (values: ReadonlyArray<number>): number => values.reduce((a, b) => a + b, 0)

const kinds: ReadonlyArray<Kind> = ['Pretraining', 'FineTuning']

/** Seconds, by what those before them took for their length; `undefined` where none of a kind is known. */
export const secondsLeft = ({
  plan,
  outcomes,
  took: before,
  workOf,
  jobs,
  running
}: Progressing): number | undefined => {
  const secondsOf = (kind: Kind, work: number): number =>
    work === 0 ? 0 : (work * before[kind].seconds) / before[kind].work
  const left = kinds.map((kind) => {
    const ended = plan.jobs.filter(({ _tag, id }) => _tag === kind && outcomes.has(id))
    const { jobs: all, work } = plan.total[kind]
    return { jobs: all - ended.length, seconds: secondsOf(kind, Math.max(0, work - sum(ended.map(workOf)))) }
  })
  const passed = running.map(({ job, seconds }) => Math.min(seconds, secondsOf(job._tag, workOf(job))))
  const all = sum(left.map(({ seconds }) => seconds)) - sum(passed)
  const atATime = Math.max(1, Math.min(jobs, sum(left.map((of) => of.jobs))))
  return Number.isNaN(all) ? undefined : Math.max(0, all / atATime)
}

const failures = (outcomes: ReadonlyMap<string, Outcome>): number =>
  [...outcomes.values()].filter(({ _tag }) => _tag === 'Failed').length

/** `evening: 12 of 64 jobs, 1 failed, 2h31m left (until 21:40)`. `now` is in milliseconds since 1970. */
export const headline = (name: string, progressing: Progressing, now: number): string => {
  const { plan, outcomes } = progressing
  const failed = failures(outcomes)
  const left = secondsLeft(progressing)
  const until = left === undefined ? '' : ` (until ${new Date(now + 1000 * left).toTimeString().slice(0, 5)})`
  return [
    `${name}: ${outcomes.size} of ${counted(plan.total.Pretraining.jobs + plan.total.FineTuning.jobs, 'job')}`,
    ...(failed === 0 ? [] : [`${failed} failed`]),
    `${showSeconds(left)} left${until}`
  ].join(', ')
}

export const verbs: Readonly<Record<Kind, string>> = { Pretraining: 'pre-train', FineTuning: 'fine-tune' }

/** A line for each job that runs, with what it has said last. */
export const runningLines = (
  running: ReadonlyArray<{ readonly job: Job; readonly said: string }>,
  width: number
): ReadonlyArray<string> =>
  running.map(({ job, said }) => `  ${verbs[job._tag]} ${job.id}  ${said}`.slice(0, Math.max(20, width)))
