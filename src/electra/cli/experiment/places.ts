/** Where an experiment keeps what: one directory, in which every job has one of its own. */

import { join } from 'node:path'
import type { Job } from '../../experiment/plan.js'

export type Places = {
  /** The declaration as it is carried out. */
  readonly declaration: string
  /** What it was begun with beside that. */
  readonly inputs: string
  /** What has to be there before a job is run. */
  readonly directories: ReadonlyArray<string>
  readonly failures: string
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
  const [runs, trials, logs, locks, failures] = ['runs', 'trials', 'logs', 'locks', 'failures'].map((name) =>
    join(out, name)
  )
  const ofRun = (id: string): string => join(runs, id)
  return {
    directories: [runs, trials, logs, locks, failures],
    failures,
    declaration: join(out, 'experiment.json'),
    inputs: join(out, 'inputs.json'),
    results: join(out, 'results.json'),
    markdown: join(out, 'report.md'),
    html: join(out, 'report.html'),
    sample: join(out, 'sample'),
    ofRun,
    of: (job) => (job._tag === 'Pretraining' ? ofRun(job.id) : join(trials, job.id)),
    log: (id) => join(logs, `${id}.log`),
    lock: (id) => join(locks, id),
    failure: (id) => join(failures, `${id}.json`)
  }
}
