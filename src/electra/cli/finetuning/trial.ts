/** One trial: its run in a directory of its own, and what it leaves there. */

import { join } from 'node:path'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { exists, writeFileWhole } from '../../store/files/files.js'
import { judgements, settingsOf, trialIdentity, trialRun, type Trial } from '../../tasks/finetune.js'
import { trainingRows } from '../../tasks/problem.js'
import { batchesPerEpoch } from '../../tasks/recipe.js'
import type { Report } from '../../training/columns.js'
import type { ExecutionOptions, RunError, RunResult } from '../../training/run.js'
import { trainThen } from '../../training/train.js'
import { finishedReport } from '../closing.js'
import type { Console } from '../console.js'
import { choiceOf } from '../device.js'
import type { Failure } from '../outcome.js'
import { trainingProgress } from '../progress.js'
import { closingReport, reportName, showReport } from '../report.js'
import type { Interrupts } from '../signals.js'
import type { FinetuneOptions } from './options.js'
import type { Given } from './preparation.js'
import { exportModel, judgedParams, stored, writePredictions } from './trial-files.js'

export type TrialResult = { readonly seed: number; readonly splits: Readonly<Record<string, Report>> }

export const trialOf = (options: FinetuneOptions, { name, encoder, prepared, recipe }: Given, i: number): Trial => ({
  name,
  task: prepared,
  recipe,
  network: encoder.network,
  tensors: options.fromScratch ? [] : encoder.tensors,
  seed: options.seed + i,
  ...(options.limit === undefined ? {} : { limit: options.limit })
})

/** Everything after the last step of a trial: predictions, the model, the report. */
const closeTrial = (
  options: FinetuneOptions,
  all: Given,
  trial: Trial,
  out: string,
  pool: ExecutionOptions['pool'],
  result: RunResult
): TE.TaskEither<Failure | RunError, TrialResult> =>
  pipe(
    judgedParams(options, out, result),
    TE.bindTo('params'),
    TE.bindW('judged', ({ params }) => judgements(trial, params, pool)),
    TE.chainFirstW(({ judged }) => writePredictions(out, judged)),
    TE.bindW('model', ({ params }) => exportModel(options, out, all, params)),
    TE.let('ended', ({ judged }): TrialResult => ({
      seed: trial.seed,
      splits: Object.fromEntries(Object.entries(judged).map(([name, j]) => [name, j.report]))
    })),
    // The last of its files: where it stands, all others do.
    TE.chainFirstW(({ model, ended }) => {
      const report = closingReport(result, all.columns)
      const kept = { ...report, models: [], model, checkpointOf: options.checkpoint, trial: ended }
      return stored(writeFileWhole(join(out, reportName), `${JSON.stringify(kept, null, 2)}\n`))
    }),
    TE.map(({ ended }) => ended)
  )

/** Runs a trial, or goes on with it; `undefined` where it was interrupted. */
export const runTrial = (
  options: FinetuneOptions,
  all: Given,
  trial: Trial,
  out: string,
  resume: boolean,
  signals: Interrupts,
  console: Console
): TE.TaskEither<Failure | RunError, TrialResult | undefined> => {
  const { columns, recipe } = all
  const progress = trainingProgress(console, columns)
  const checkpointEvery = batchesPerEpoch(trainingRows(settingsOf(trial)).count, recipe.batchSize)
  const { observe } = progress
  return pipe(
    TE.fromIOEither(choiceOf(options)),
    TE.map((choice) => ({ workers: options.workers, choice })),
    TE.chainW((pool) =>
      trainThen(
        trialRun(trial, {
          out,
          pool,
          checkpointEvery,
          keepCheckpoints: 1,
          resume,
          shouldStop: signals.isInterrupted,
          observe
        })
      )((result): TE.TaskEither<Failure | RunError, TrialResult | undefined> => {
        progress.stop()
        console.say(showReport(closingReport(result, columns), columns))
        return result.isComplete ? closeTrial(options, all, trial, out, pool, result) : TE.right(undefined)
      })
    ),
    (training) => () => training().finally(progress.stop)
  )
}

/** The result of a trial that is finished, stands there whole, and was judged as is asked for now. */
export const finishedTrial = (
  out: string,
  trial: Trial,
  { checkpoint }: FinetuneOptions
): TE.TaskEither<RunError, TrialResult | undefined> =>
  pipe(
    TE.Do,
    TE.apS('report', finishedReport(out, trialIdentity(trial))),
    TE.bindW('hasModel', () => TE.fromTask(TE.toUnion(exists(join(out, 'model', 'config.json'))))),
    TE.map(({ report, hasModel }) => {
      const kept = report as { readonly checkpointOf?: unknown; readonly trial?: TrialResult } | undefined
      return hasModel && kept?.checkpointOf === checkpoint ? kept.trial : undefined
    })
  )
