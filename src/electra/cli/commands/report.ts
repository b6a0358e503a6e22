/** `pure-electra report`: runs as a page, as comma-separated values, and as event files of TensorBoard. */

import { dirname, join } from 'node:path'
import type { Command as Program } from 'commander'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { csvOf } from '../../report/export/csv.js'
import { eventFile } from '../../report/export/tensorboard.js'
import { htmlOf } from '../../report/pages/html.js'
import { markdownOf } from '../../report/pages/markdown.js'
import { eventsOf } from '../../report/run/events.js'
import { runsReport } from '../../report/run/report.js'
import type { RunData } from '../../report/run/run-data.js'
import { showStoreError } from '../../store/errors.js'
import { makeDirectories, writeFileWhole } from '../../store/files/files.js'
import { adapterOption, deviceOption, jsonOption, matmulOption, relaxedSimdOption } from '../arguments.js'
import type { Console } from '../console.js'
import type { DeviceOptions } from '../device.js'
import { examples, finish, type WithJson } from '../finish.js'
import { withSamples } from '../fresh-samples.js'
import { exitCodes, failedWith, wrongUsage, type Command, type Failure } from '../outcome.js'
import { lastWrittenAt, readRuns } from '../reading-runs.js'

export type ReportOptions = DeviceOptions & {
  /** The page: HTML, or Markdown where it ends in `.md`. */
  readonly out?: string
  readonly csv?: string
  readonly tensorboard?: string
  /** For sample sentences of runs that have kept none. */
  readonly corpus?: string
}

const written = (path: string, content: string | Uint8Array): TE.TaskEither<Failure, void> =>
  pipe(
    makeDirectories(dirname(path)),
    TE.chain(() => writeFileWhole(path, content)),
    TE.mapLeft(failedWith(showStoreError))
  )

const writePage = (path: string, runs: ReadonlyArray<RunData>): TE.TaskEither<Failure, void> => {
  const document = runsReport(runs)
  return pipe(
    path.endsWith('.md')
      ? TE.right<Failure, string>(markdownOf(document))
      : TE.fromTask<string, Failure>(htmlOf(document)),
    TE.chain((page) => written(path, page))
  )
}

const writeCsv = (path: string, runs: ReadonlyArray<RunData>): TE.TaskEither<Failure, void> =>
  written(path, csvOf(runs.map(({ name, metrics }) => ({ name, ...metrics }))))

/** One to a run, in a directory of its name: written anew where it is there, so that nothing is told twice. */
const eventsName = 'events.out.tfevents.0.pure-electra'

const writeEvents = (directory: string, runs: ReadonlyArray<RunData>): TE.TaskEither<Failure, unknown> =>
  pipe(
    // One that has only begun has nothing to tell.
    runs.filter(({ metrics }) => metrics.steps.steps.length + metrics.heldOut.steps.length > 0),
    TE.traverseSeqArray((run) =>
      pipe(
        lastWrittenAt(run),
        TE.map((at) => eventsOf(run, at)),
        TE.chain(({ begunAt, events }) => written(join(directory, run.name, eventsName), eventFile(begunAt, events)))
      )
    )
  )

export const report = (directories: ReadonlyArray<string>, options: ReportOptions, console: Console): Command => {
  const { out, csv, tensorboard } = options
  if (out === undefined && csv === undefined && tensorboard === undefined)
    return TE.left(wrongUsage('found nothing to write, expected --out, --csv or --tensorboard'))
  return pipe(
    readRuns(directories),
    TE.chain((runs) => withSamples(runs, out === undefined ? undefined : options.corpus, options, console)),
    TE.chainFirst((runs) => (out === undefined ? TE.right(undefined) : writePage(out, runs))),
    TE.chainFirst((runs) => (csv === undefined ? TE.right(undefined) : writeCsv(csv, runs))),
    TE.chainFirst((runs) => (tensorboard === undefined ? TE.right(undefined) : writeEvents(tensorboard, runs))),
    TE.map((runs) => {
      const files = [out, csv, tensorboard].filter((path) => path !== undefined)
      console.say(`${runs.map(({ name }) => name).join(', ')}: ${files.join(', ')}`)
      console.json({
        runs: runs.map(({ name, directory, report: kept }) => ({ name, directory, complete: kept?.complete ?? false })),
        out: out ?? null,
        csv: csv ?? null,
        tensorboard: tensorboard ?? null
      })
      return exitCodes.done
    })
  )
}

export const declareReport = (root: Program): void => {
  root
    .command('report')
    .description('show runs, finished or not, as a page; or their numbers as CSV or for TensorBoard')
    .argument('<run...>', 'directories of `pretrain` or `finetune`: several are drawn over each other')
    .option('--out <file>', 'the page: one HTML file that needs nothing beside it; Markdown where it ends in .md')
    .option('--csv <file>', 'all numbers of all steps and evaluations, as comma-separated values')
    .option('--tensorboard <dir>', 'event files that TensorBoard reads, a directory for each run')
    .option('--corpus <dir>', 'for sample sentences of runs that have kept none: the corpus that they are trained on')
    .addOption(deviceOption())
    .addOption(adapterOption())
    .addOption(matmulOption())
    .addOption(relaxedSimdOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        'report runs/tiny --out tiny.html',
        'report runs/tiny runs/mlm --out both.html --csv both.csv',
        'report runs/tiny --tensorboard board'
      )
    )
    .action((directories: ReadonlyArray<string>, options: ReportOptions & WithJson) =>
      finish(options, (console) => report(directories, options, console))
    )
}
