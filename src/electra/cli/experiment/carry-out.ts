/**
 * Carries an experiment out: as many jobs at a time as it is given, each of those that the plan has next, until none is left.
 *
 * Everything that is known of it stands in its directory, so it can be killed at any moment and goes on from there.
 */

import * as O from 'fp-ts/lib/Option.js'
import type { Arm } from '../../experiment/arms.js'
import type { Declaration } from '../../experiment/declaration.js'
import { plan, type Job, type Outcome, type Plan } from '../../experiment/plan.js'

/** How a job ended, or that it did not: it was interrupted. */
export type JobEnd = Outcome | { readonly _tag: 'Interrupted' }

/** How a job ended that was run before, and what its steps took. */
export type Known = { readonly outcome: Outcome; readonly seconds: number }

export type Worker = {
  readonly known: (job: Job) => Promise<O.Option<Known>>
  readonly run: (job: Job) => Promise<JobEnd>
}

export type Event =
  /** It was run before. */
  | ({ readonly _tag: 'Recalled'; readonly job: Job } & Known)
  | { readonly _tag: 'Begun'; readonly job: Job }
  | { readonly _tag: 'Ended'; readonly job: Job; readonly end: JobEnd; readonly seconds: number }

export type CarriedOut = {
  readonly outcomes: ReadonlyMap<string, Outcome>
  readonly plan: Plan
  readonly isComplete: boolean
}

export type Options = {
  readonly jobs: number
  readonly isInterrupted: () => boolean
  readonly observe: (event: Event, plan: Plan, outcomes: ReadonlyMap<string, Outcome>) => void
}

/** What is known already, by asking for every job of the plan until it has no new ones. */
const recalled = async (
  planned: (outcomes: ReadonlyMap<string, Outcome>) => Plan,
  { known }: Worker,
  observe: Options['observe']
): Promise<Map<string, Outcome>> => {
  const outcomes = new Map<string, Outcome>()
  const asked = new Set<string>()
  for (;;) {
    const now = planned(outcomes)
    const fresh = now.jobs.filter(({ id }) => !asked.has(id))
    if (fresh.length === 0) return outcomes
    for (const job of fresh) {
      asked.add(job.id)
      const found = await known(job)
      if (O.isNone(found)) continue
      outcomes.set(job.id, found.value.outcome)
      observe({ _tag: 'Recalled', job, ...found.value }, now, outcomes)
    }
  }
}

/**
 * All of it, or as much as is done when it is interrupted: jobs that run then are awaited. Rejects with what a job was rejected with, when
 * the others have ended, too.
 */
export const carryOut = async (
  declaration: Declaration,
  arms: ReadonlyArray<Arm>,
  worker: Worker,
  { jobs: most, isInterrupted, observe }: Options
): Promise<CarriedOut> => {
  const outcomes = await recalled((known) => plan(declaration, arms, known), worker, observe)
  const running = new Map<string, Promise<void>>()
  const planned = (): Plan => plan(declaration, arms, outcomes)
  const broken: Array<unknown> = []

  const begin = (job: Job): void => {
    const since = performance.now()
    observe({ _tag: 'Begun', job }, planned(), outcomes)
    const ending = worker.run(job).then(
      (end) => {
        if (end._tag !== 'Interrupted') outcomes.set(job.id, end)
        running.delete(job.id)
        observe({ _tag: 'Ended', job, end, seconds: (performance.now() - since) / 1000 }, planned(), outcomes)
      },
      (cause: unknown) => {
        running.delete(job.id)
        broken.push(cause)
      }
    )
    running.set(job.id, ending)
  }

  for (;;) {
    const waiting = planned().jobs.filter(({ id }) => !outcomes.has(id) && !running.has(id))
    if (!isInterrupted() && broken.length === 0) waiting.slice(0, Math.max(0, most - running.size)).forEach(begin)
    if (running.size === 0) break
    await Promise.race(running.values())
  }
  if (broken.length > 0) throw broken[0]
  const last = planned()
  return { outcomes, plan: last, isComplete: last.jobs.every(({ id }) => outcomes.has(id)) }
}
