/** `pure-electra demo`: from the shipped text to a trained model, with nothing to decide. */

import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { Command as Program } from 'commander'
import { pipe } from 'fp-ts/lib/function.js'
import * as T from 'fp-ts/lib/Task.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { showStoreError } from '../../store/errors.js'
import { exists, namesIn } from '../../store/files/files.js'
import { demoAdvice } from '../advice.js'
import type { Console } from '../console.js'
import { reportName } from '../../report/closing-report.js'
import { failedWith, type Command, type Failure } from '../outcome.js'
import { buildSampleCorpus } from '../shipped-text.js'
import { pretrain } from './pretrain.js'
import { jsonOption, positive, seedOption } from '../arguments.js'
import { examples, finish, type WithJson } from '../finish.js'

export type DemoOptions = { readonly out: string; readonly workers?: number; readonly seed: number }

/** The first `out/run-N` that is not finished: an interrupted demo goes on, a finished one starts anew beside it. */
const runDirectory = (out: string, n = 1): T.Task<string> => {
  const directory = join(out, `run-${n}`)
  return pipe(
    TE.toUnion(exists(join(directory, reportName))),
    T.chain((isFinished) => (isFinished ? runDirectory(out, n + 1) : T.of(directory)))
  )
}

/** Whether there is something to go on from. */
const isStarted = (directory: string): TE.TaskEither<Failure, boolean> =>
  pipe(
    namesIn(join(directory, 'checkpoints')),
    TE.map((names) => names.some((name) => name.startsWith('checkpoint-'))),
    TE.mapLeft(failedWith(showStoreError))
  )

export const demo = ({ out, workers, seed }: DemoOptions, console: Console): Command => {
  const corpus = join(out, 'corpus')
  return pipe(
    buildSampleCorpus(corpus, console),
    TE.chain(() => TE.fromTask(runDirectory(out))),
    TE.bindTo('directory'),
    TE.bind('resume', ({ directory }) => isStarted(directory)),
    TE.chain(({ directory, resume }) =>
      pretrain(
        {
          config: 'demo',
          corpus,
          out: directory,
          seed,
          workers: workers ?? Math.min(2, availableParallelism()),
          resume,
          advice: demoAdvice
        },
        console
      )
    )
  )
}

export const declareDemo = (root: Program): void => {
  root
    .command('demo')
    .description(
      'build a corpus from the shipped text and pre-train the demo configuration on it (within five minutes on two cores)'
    )
    .option('--out <dir>', 'where the corpus and the runs go', 'runs/demo')
    .option('--workers <n>', 'worker threads (default: 2, or the number of cores if fewer)', positive)
    .addOption(seedOption())
    .addOption(jsonOption())
    .addHelpText('after', examples('demo', 'demo --out /tmp/demo --workers 1'))
    .action((options: DemoOptions & WithJson) => finish(options, (console) => demo(options, console)))
}
