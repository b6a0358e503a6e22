/** What the trials come to: a summary for people, and all of it as one JSON document. */

import { join } from 'node:path'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { writeFileWhole } from '../../store/files/files.js'
import type { Console } from '../console.js'
import { exitCodes, type ExitCode, type Failure } from '../outcome.js'
import type { ClosingReport } from '../../report/closing-report.js'
import { stored } from '../stored.js'
import type { FinetuneOptions } from './options.js'
import type { Given } from './preparation.js'
import { showSummaries, summaries, type Summary } from './summaries.js'
import type { Ended, TrialResult } from './trial.js'

type Splits = Readonly<Record<string, Readonly<Record<string, Summary>>>>

/** Of each split that has labels. */
const splitsOf = ({ columns }: Given, trials: ReadonlyArray<TrialResult>): Splits => {
  const names = Object.keys(trials.at(0)?.splits ?? {}).filter(
    (split) => Object.keys(trials[0].splits[split]).length > 0
  )
  return Object.fromEntries(
    names.map((split) => [
      split,
      summaries(
        columns,
        trials.map((trial) => trial.splits[split])
      )
    ])
  )
}

const resultsOf = (options: FinetuneOptions, given: Given, trials: ReadonlyArray<TrialResult>) => ({
  task: given.name,
  model: options.model,
  fromScratch: options.fromScratch,
  checkpoint: options.checkpoint,
  head: options.head,
  recipe: given.recipe,
  limit: options.limit ?? null,
  trials,
  splits: splitsOf(given, trials)
})

/** The trials that are finished, where another one was interrupted. */
export const sayStopped = (
  options: FinetuneOptions,
  given: Given,
  ended: ReadonlyArray<Ended>,
  stopped: ReadonlyArray<ClosingReport>,
  console: Console
): void => {
  const results = resultsOf(
    options,
    given,
    ended.map(({ result }) => result)
  )
  console.json({ ...results, complete: false, reports: [...ended.map(({ report }) => report), ...stopped] })
}

/** Writes `results.json`, and says what it has. */
export const close = (
  options: FinetuneOptions,
  given: Given,
  ended: ReadonlyArray<Ended>,
  console: Console
): TE.TaskEither<Failure, ExitCode> => {
  const trials = ended.map(({ result }) => result)
  const results = resultsOf(options, given, trials)
  return pipe(
    writeFileWhole(join(options.out, 'results.json'), `${JSON.stringify(results, null, 2)}\n`),
    stored,
    TE.map(() => {
      const count = `${trials.length} trial${trials.length === 1 ? '' : 's'}`
      for (const [split, of] of Object.entries(results.splits))
        console.say(`\n${showSummaries(`${split}, ${count}`, of)}`)
      console.json({ ...results, complete: true, reports: ended.map(({ report }) => report) })
      return exitCodes.done
    })
  )
}
