/** What stands in an experiment's directory of a job: how it ended, and its numbers. */

import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as O from 'fp-ts/lib/Option.js'
import * as T from 'fp-ts/lib/Task.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import * as z from 'zod'
import { parseJson } from '../../../tensor/strict-json.js'
import type { Declaration } from '../../experiment/declaration.js'
import type { FineTuning, Job, Outcome, Pretraining } from '../../experiment/plan.js'
import type { CurvePoint } from '../../report/experiment/results.js'
import { parseMetrics, secondsUntil } from '../../report/run/metrics.js'
import { hasCheckpoint } from '../../store/checkpoints/checkpoint.js'
import { exists, readBytes, readText } from '../../store/files/files.js'
import { longestReport, parseReport, reportName, type KeptReport } from '../../report/closing-report.js'
import type { Places } from './places.js'

const deepest = 16

/** A file of ours as a value of that form; nothing where it is missing, cut short or something else. */
const readAs = <A>(schema: z.ZodType<A>, path: string, limit?: number): T.Task<O.Option<A>> =>
  pipe(
    readText(path, limit),
    TE.chainEitherKW(parseJson(deepest)),
    TE.chainEitherKW((json) => {
      const parsed = schema.safeParse(json)
      return parsed.success ? E.right(parsed.data) : E.left(parsed.error)
    }),
    T.map(O.fromEither)
  )

const failure = z.object({ reason: z.string() })

const failed = (places: Places, id: string): T.Task<O.Option<Outcome>> =>
  pipe(readAs(failure, places.failure(id)), T.map(O.map(({ reason }): Outcome => ({ _tag: 'Failed', reason }))))

/** The report of a run that has come to its end. */
export const reportOf = (places: Places, id: string): T.Task<O.Option<KeptReport>> =>
  pipe(
    readText(join(places.ofRun(id), reportName), longestReport),
    TE.chainEitherKW(parseReport),
    T.map((report) =>
      pipe(
        O.fromEither(report),
        O.filter(({ complete }) => complete)
      )
    )
  )

/** JSON has null for what is not finite. */
const real = z
  .number()
  .nullable()
  .transform((x) => x ?? NaN)

const summary = z.looseObject({ majority: real.optional() })

/** What is looked at of a task's `results.json`. */
const trials = z.looseObject({
  trials: z.array(z.looseObject({ splits: z.record(z.string(), z.record(z.string(), real)) })),
  splits: z.record(z.string(), z.record(z.string(), summary))
})

type Trials = z.infer<typeof trials>

/** The split that stands for dev: it, or the first that has labels. */
const devOf = <A>(splits: Readonly<Record<string, Readonly<Record<string, A>>>>): Readonly<Record<string, A>> =>
  splits.dev ?? Object.values(splits).find((split) => Object.keys(split).length > 0) ?? {}

export type Judged = { readonly scores: ReadonlyArray<number>; readonly majority?: number }

/** The metric of each trial: NaN where a trial has no such number. */
export const judgedBy = (metric: string, { trials: all, splits }: Trials): Judged => {
  const majority = devOf(splits)[metric]?.majority
  return {
    scores: all.map((trial) => devOf(trial.splits)[metric] ?? NaN),
    ...(majority === undefined ? {} : { majority })
  }
}

export const judgedOf = ({ tasks }: Declaration, places: Places, job: FineTuning): T.Task<O.Option<Judged>> =>
  pipe(
    readAs(trials, join(places.of(job), 'results.json'), longestReport),
    T.map(O.map((found) => judgedBy(tasks[job.task].metric, found)))
  )

const outcomeOfRun = (places: Places, job: Pretraining): T.Task<O.Option<Outcome>> =>
  pipe(reportOf(places, job.id), T.map(O.map((): Outcome => ({ _tag: 'Done', scores: [] }))))

const outcomeOfTrials = (declaration: Declaration, places: Places, job: FineTuning): T.Task<O.Option<Outcome>> =>
  pipe(
    judgedOf(declaration, places, job),
    T.map(
      O.map(({ scores }): Outcome =>
        scores.some(Number.isNaN)
          ? { _tag: 'Failed', reason: `a trial has no number for ${declaration.tasks[job.task].metric} on dev` }
          : { _tag: 'Done', scores }
      )
    )
  )

/** How a job ended; nothing where it has not. */
export const outcomeOf = (declaration: Declaration, places: Places, job: Job): T.Task<O.Option<Outcome>> =>
  pipe(
    job._tag === 'Pretraining' ? outcomeOfRun(places, job) : outcomeOfTrials(declaration, places, job),
    T.chain((done) => (O.isSome(done) ? T.of(done) : failed(places, job.id)))
  )

/** Whether there is something to go on from: a checkpoint of a run, the directory of trials. */
export const isBegun = (places: Places, job: Job): T.Task<boolean> =>
  job._tag === 'FineTuning' ? TE.toUnion(exists(places.of(job))) : hasCheckpoint(join(places.of(job), 'checkpoints'))

export type Trained = { readonly curve: ReadonlyArray<CurvePoint>; readonly seconds: number }

/** The evaluations in a `metrics.jsonl`, with the seconds of the steps before each, and those of all steps. */
export const trainedIn = (bytes: Uint8Array): Trained => {
  const { steps, heldOut } = parseMetrics(bytes)
  const until = secondsUntil(steps)
  const secondsAt = (step: number): number => {
    const last = steps.steps.findLastIndex((trained) => trained <= step)
    return last < 0 ? 0 : until[last]
  }
  const named = [...heldOut.columns].filter(([name]) => name !== 'seconds')
  return {
    curve: heldOut.steps.map((step, i) => ({
      step,
      seconds: secondsAt(step),
      numbers: Object.fromEntries(
        named.flatMap(([name, column]) => (Number.isNaN(column[i]) ? [] : [[name, column[i]] as const]))
      )
    })),
    seconds: until.at(-1) ?? 0
  }
}

const trainedAt = (directory: string): T.Task<Trained> =>
  pipe(
    readBytes(join(directory, 'metrics.jsonl')),
    T.map(E.match((): Trained => ({ curve: [], seconds: 0 }), trainedIn))
  )

export const trainedOf = (places: Places, id: string): T.Task<Trained> => trainedAt(places.ofRun(id))

/** Seconds of all steps of a job. */
export const secondsOf = (places: Places, job: Job): T.Task<number> =>
  job._tag === 'Pretraining'
    ? pipe(
        trainedOf(places, job.id),
        T.map(({ seconds }) => seconds)
      )
    : pipe(
        Array.from({ length: job.trials }, (_, i) => trainedAt(join(places.of(job), `trial-${i + 1}`))),
        T.sequenceArray,
        T.map((trials) => trials.reduce((sum, { seconds }) => sum + seconds, 0))
      )
