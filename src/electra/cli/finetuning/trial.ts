/** One trial: its run in a directory of its own, and what it leaves there. */

import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as O from 'fp-ts/lib/Option.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Ranks } from '../../../workers/index.js'
import { together } from '../../../workers/ranks/ranks.js'
import type { RunCompute } from '../../flops/run-compute.js'
import { hasCheckpoint } from '../../store/checkpoints/checkpoint.js'
import { exists, writeFileWhole } from '../../store/files/files.js'
import { trialCompute } from '../../tasks/compute.js'
import { judgements, settingsOf, trialIdentity, trialRun, type Trial } from '../../tasks/finetune.js'
import { trainingRows } from '../../tasks/problem.js'
import { batchesPerEpoch } from '../../tasks/recipe.js'
import type { Judgement } from '../../tasks/task.js'
import type { Report } from '../../training/columns.js'
import { shareFirst } from '../../training/rank-agreement.js'
import type { ExecutionOptions, RunError, RunResult } from '../../training/run.js'
import { readRecord, type RunRecord } from '../../training/run-record.js'
import { trainThen } from '../../training/train.js'
import { finishedReport } from '../closing.js'
import type { Console } from '../console.js'
import { choiceOf } from '../device.js'
import { failedWith, type Failure } from '../outcome.js'
import { trainingProgress } from '../progress.js'
import { showReport } from '../report.js'
import { closingReport, reportName, type ClosingReport } from '../../report/closing-report.js'
import { executionOf, noteWorkers } from '../run-command.js'
import { showRunError } from '../show-error.js'
import type { Interrupts } from '../signals.js'
import { stored } from '../stored.js'
import type { FinetuneOptions } from './options.js'
import type { Given } from './preparation.js'
import { exportModel, judgedState, writePredictions, type JudgedState } from './trial-files.js'

export type TrialResult = {
  readonly seed: number
  /** After how many steps the state was there that was judged. */
  readonly step: number
  readonly splits: Readonly<Record<string, Report>>
}

/** A trial that has come to its end. */
export type Ended = { readonly result: TrialResult; readonly report: ClosingReport }

/** One that was interrupted, with its state saved. */
export type Stopped = { readonly report: ClosingReport }

/** Who carries trials out, who is told, and what is known from a trial before: the arithmetic of one is that of all. */
export type Hands = {
  readonly compute: RunCompute | undefined
  readonly ranks: Ranks
  readonly signals: Interrupts
  readonly console: Console
}

/** What a resume finds of a trial, by the eyes of the first rank. */
export type Found = {
  readonly resume: boolean
  readonly ended: Ended | undefined
  readonly record: RunRecord | undefined
}

export const placeOf = ({ out }: FinetuneOptions, i: number): string => join(out, `trial-${i + 1}`)

export const trialOf = (options: FinetuneOptions, { name, encoder, prepared, recipe }: Given, i: number): Trial => ({
  name,
  task: prepared,
  recipe,
  network: encoder.network,
  tensors: options.fromScratch ? [] : encoder.tensors,
  directory: encoder.directory,
  seed: options.seed + i,
  ...(options.limit === undefined ? {} : { limit: options.limit })
})

// ------------------------------------------------------------------------ found

/** A trial that is finished, stands there whole, and was judged as is asked for now. */
const finishedTrial = (
  out: string,
  trial: Trial,
  { checkpoint }: FinetuneOptions
): TE.TaskEither<RunError, Ended | undefined> =>
  pipe(
    TE.Do,
    TE.apS('report', finishedReport(out, trialIdentity(trial))),
    TE.bindW('hasModel', () => TE.fromTask(TE.toUnion(exists(join(out, 'model', 'config.json'))))),
    TE.map(({ report, hasModel }) => {
      const kept = report as (ClosingReport & { checkpointOf?: unknown; trial?: TrialResult }) | undefined
      return hasModel && kept?.checkpointOf === checkpoint && kept.trial !== undefined
        ? { report: kept, result: kept.trial }
        : undefined
    })
  )

/** How it was carried out until now, or where it was not begun, the trial before it. */
const recordOf = (options: FinetuneOptions, i: number): TE.TaskEither<RunError, RunRecord | undefined> =>
  pipe(
    readRecord(placeOf(options, i)),
    TE.chain((own) => (O.isNone(own) && i > 0 ? readRecord(placeOf(options, i - 1)) : TE.right(own))),
    TE.map(O.toUndefined)
  )

const foundHere = (options: FinetuneOptions, trial: Trial, i: number): TE.TaskEither<RunError, Found> => {
  const out = placeOf(options, i)
  return pipe(
    TE.fromTask<boolean, RunError>(hasCheckpoint(join(out, 'checkpoints'))),
    TE.bindTo('resume'),
    TE.bind('ended', ({ resume }) => (resume ? finishedTrial(out, trial, options) : TE.right(undefined))),
    TE.bind('record', () => recordOf(options, i))
  )
}

/** What is there of trial i. Nothing is looked for where no resume is asked for. */
export const foundTrial = (
  options: FinetuneOptions,
  trial: Trial,
  i: number,
  ranks: Ranks
): TE.TaskEither<RunError, Found> =>
  pipe(
    options.resume && ranks.rank === 0
      ? foundHere(options, trial, i)
      : TE.right({ resume: false, ended: undefined, record: undefined }),
    together(ranks),
    TE.chainW(shareFirst(ranks))
  )

// -------------------------------------------------------------------------- run

/** What the first rank leaves of a trial in its directory: predictions, the model, the report. */
const writeTrial = (
  options: FinetuneOptions,
  all: Given,
  out: string,
  judged: Readonly<Record<string, Judgement>>,
  { params }: JudgedState,
  { result, report }: Ended
): TE.TaskEither<Failure, unknown> =>
  pipe(
    writePredictions(out, judged),
    TE.chain(() => exportModel(options, out, all, params)),
    // The last of its files: where it stands, all others do.
    TE.chain((model) => {
      const kept = { ...report, models: [], model, checkpointOf: options.checkpoint, trial: result }
      return stored(writeFileWhole(join(out, reportName), `${JSON.stringify(kept, null, 2)}\n`))
    })
  )

/** Everything after the last step of a trial. */
const closeTrial = (
  options: FinetuneOptions,
  all: Given,
  trial: Trial,
  out: string,
  execution: Pick<ExecutionOptions, 'pool'>,
  ran: RunResult,
  { ranks, console, compute: known }: Hands
): TE.TaskEither<Failure | RunError, Ended> =>
  pipe(
    ranks.rank === 0 ? judgedState(options, out, ran) : TE.right(ran),
    TE.map(({ params, step }): JudgedState => ({ params, step })),
    together(ranks),
    TE.chainW(shareFirst(ranks)),
    TE.bindTo('state'),
    TE.bindW('judged', ({ state }) => judgements(trial, state.params, { ...execution, ranks })),
    TE.bindW('report', () =>
      pipe(
        TE.fromEither(known === undefined ? trialCompute(trial) : E.right(known)),
        TE.bimap(failedWith(showRunError), (compute) => closingReport(ran, all.columns, compute))
      )
    ),
    TE.let('result', ({ judged, state: { step } }): TrialResult => ({
      seed: trial.seed,
      step,
      splits: Object.fromEntries(Object.entries(judged).map(([name, j]) => [name, j.report]))
    })),
    TE.chainFirstW(({ judged, state, ...ended }) =>
      together(ranks)(
        ranks.rank === 0 ? writeTrial(options, all, out, judged, state, ended) : TE.right<Failure, unknown>(undefined)
      )
    ),
    TE.map(({ result, report, state: { step } }) => {
      console.say(showReport(report, all.columns))
      console.say(
        `judged          the state of step ${step}, ${options.checkpoint === 'last' ? 'the last' : 'the best on dev'}`
      )
      return { result, report }
    })
  )

/** Runs a trial, or goes on with it. */
export const runTrial = (
  options: FinetuneOptions,
  all: Given,
  trial: Trial,
  i: number,
  { resume, record }: Found,
  hands: Hands
): TE.TaskEither<Failure | RunError, Ended | Stopped> => {
  const { ranks, signals, console } = hands
  const out = placeOf(options, i)
  const epoch = batchesPerEpoch(trainingRows(settingsOf(trial)).count, all.recipe.batchSize)
  const { workers, checkpointEvery, keepCheckpoints, ...device } = executionOf(
    options,
    { checkpointEvery: epoch, keepCheckpoints: 1 },
    record
  )
  noteWorkers({ workers }, console)
  const { observe, stop } = trainingProgress(console, all.columns)
  const { allowOtherBits } = options
  return pipe(
    TE.fromIOEither(choiceOf(device)),
    together(ranks),
    TE.map((choice) => ({ ranks, pool: { workers, choice }, checkpointEvery, keepCheckpoints })),
    TE.chainW((execution) =>
      trainThen(
        trialRun(trial, { ...execution, out, resume, allowOtherBits, shouldStop: signals.isInterrupted, observe })
      )((ran): TE.TaskEither<Failure | RunError, Ended | Stopped> => {
        stop()
        if (ran.isComplete) return closeTrial(options, all, trial, out, execution, ran, hands)
        const report = closingReport(ran, all.columns)
        console.say(showReport(report, all.columns))
        return TE.right({ report })
      })
    ),
    (training) => () => training().finally(stop)
  )
}
