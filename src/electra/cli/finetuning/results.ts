/** What all finished trials come to. */

import { join } from 'node:path'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { writeFileWhole } from '../../store/files/files.js'
import type { Console } from '../console.js'
import { exitCodes, type ExitCode, type Failure } from '../outcome.js'
import type { FinetuneOptions } from './options.js'
import type { Given } from './preparation.js'
import { showSummaries, summaries } from './summaries.js'
import type { TrialResult } from './trial.js'
import { stored } from './trial-files.js'

export const close = (
  options: FinetuneOptions,
  { name, recipe, columns }: Given,
  trials: ReadonlyArray<TrialResult>,
  console: Console
): TE.TaskEither<Failure, ExitCode> => {
  const names = Object.keys(trials[0].splits).filter((split) => Object.keys(trials[0].splits[split]).length > 0)
  const splits = Object.fromEntries(
    names.map((split) => [
      split,
      summaries(
        columns,
        trials.map((trial) => trial.splits[split])
      )
    ])
  )
  const { model, fromScratch, checkpoint, head } = options
  const results = {
    task: name,
    model,
    fromScratch,
    checkpoint,
    head,
    recipe,
    limit: options.limit ?? null,
    trials,
    splits
  }
  return pipe(
    writeFileWhole(join(options.out, 'results.json'), `${JSON.stringify(results, null, 2)}\n`),
    stored,
    TE.map(() => {
      for (const split of names)
        console.say(
          `\n${showSummaries(`${split}, ${trials.length} trial${trials.length === 1 ? '' : 's'}`, splits[split])}`
        )
      console.json(results)
      return exitCodes.done
    })
  )
}
