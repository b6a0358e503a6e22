/** Where an experiment keeps what: one directory, in which every job has one of its own. */

import { join } from 'node:path'
import type { Job } from '../../experiment/plan.js'

export type Places = {
  /** The declaration as it is carried out. */
  readonly declaration: string
  readonly results: string
  readonly markdown: string
  readonly html: string
  readonly sample: string
  readonly of: (job: Job) => string
  readonly ofRun: (id: string) => string
  readonly log: (id: string) => string
  readonly lock: (id: string) => string
  /** Why a job failed. */
  readonly failure: (id: string) => string
}

export const placesIn = (out: string): Places => {
  const ofRun = (id: string): string => join(out, 'runs', id)
  return {
    declaration: join(out, 'experiment.json'),
    results: join(out, 'results.json'),
    markdown: join(out, 'report.md'),
    html: join(out, 'report.html'),
    sample: join(out, 'sample'),
    ofRun,
    of: (job) => (job._tag === 'Pretraining' ? ofRun(job.id) : join(out, 'trials', job.id)),
    log: (id) => join(out, 'logs', `${id}.log`),
    lock: (id) => join(out, 'locks', id),
    failure: (id) => join(out, 'failures', `${id}.json`)
  }
}
