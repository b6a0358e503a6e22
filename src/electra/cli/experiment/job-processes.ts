/** Jobs carried out by processes of this program: which run, and what comes of each. */

import * as O from 'fp-ts/lib/Option.js'
import type { Declaration } from '../../experiment/declaration.js'
import type { Job } from '../../experiment/plan.js'
import { writeFileWhole } from '../../store/files/files.js'
import type { JobEnd, Worker } from './carry-out.js'
import { isBegun, outcomeOf, secondsOf } from './found.js'
import { held } from './held.js'
import { argumentsOf, type Execution } from './job-arguments.js'
import type { Places } from './places.js'
import { start, type Ended, type Running } from './processes.js'
import { textOf } from '../stored.js'

export type RunningJob = { readonly job: Job; readonly process: Running }

export type JobProcesses = Worker & {
  readonly running: () => ReadonlyArray<RunningJob>
  /** Asks all that run to save their state and end, and lets none begin that waits. */
  readonly interrupt: () => void
}

/** How often a job is begun again that something outside has ended. */
const mostKilled = 2

export const jobProcesses = (declaration: Declaration, places: Places, execution: Execution): JobProcesses => {
  const running = new Map<string, RunningJob>()
  let isInterrupted = false

  const processOf = async (job: Job, lock: number): Promise<Ended> => {
    const args = argumentsOf(declaration, places, execution, job, await isBegun(places, job)())
    if (isInterrupted) return { _tag: 'Interrupted' }
    const process = start(args, places.log(job.id), lock)
    running.set(job.id, { job, process })
    return process.ended
  }

  const once = async (job: Job): Promise<JobEnd | { readonly _tag: 'Killed'; readonly signal: string }> => {
    const lock = await held(places.lock(job.id), () => isInterrupted)
    if (lock === undefined) return { _tag: 'Interrupted' }
    const ended = await processOf(job, lock.fd).finally(() => {
      running.delete(job.id)
      return lock.close()
    })
    // A process that is interrupted before it has begun anything has failed, by its own account.
    if (ended._tag !== 'Succeeded') return isInterrupted ? { _tag: 'Interrupted' } : ended
    const outcome = await outcomeOf(declaration, places, job)()
    return O.isSome(outcome) ? outcome.value : { _tag: 'Failed', reason: 'it ended well, and left no results' }
  }

  const repeatedly = async (job: Job): Promise<JobEnd> => {
    for (let killed = 0; ; killed++) {
      const end = await once(job)
      if (end._tag !== 'Killed') return end
      if (killed === mostKilled) return { _tag: 'Failed', reason: `it was ended by ${end.signal} again and again` }
    }
  }

  const interrupt = (): void => {
    isInterrupted = true
    running.forEach(({ process }) => process.interrupt())
  }

  return {
    known: async (job) => {
      const outcome = await outcomeOf(declaration, places, job)()
      return O.isSome(outcome) ? O.some({ outcome: outcome.value, seconds: await secondsOf(places, job)() }) : O.none
    },
    run: async (job) => {
      const end = await repeatedly(job).catch((cause: unknown) => {
        // What the machine refuses to one job is the end of all.
        interrupt()
        throw cause
      })
      // What cannot be written is found again by a resume, at the price of the job.
      if (end._tag === 'Failed') await writeFileWhole(places.failure(job.id), textOf({ reason: end.reason }))()
      return end
    },
    running: () => [...running.values()],
    interrupt
  }
}
