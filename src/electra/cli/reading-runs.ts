/** Runs as their directories hold them: those of `pretrain`, those of `finetune` with their trials, finished or not. */

import { stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as O from 'fp-ts/lib/Option.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { parseMetrics } from '../report/run/metrics.js'
import { namesOf, type RunData } from '../report/run/run-data.js'
import { showStoreError, type StoreError } from '../store/errors.js'
import { exists, namesIn, readBytes, readText } from '../store/files/files.js'
import { readRecord } from '../training/run-record.js'
import { failed, failedWith, type Failure } from './outcome.js'
import { longestReport, parseReport, reportName, type KeptReport } from '../report/closing-report.js'

/** Far more than any configuration. */
const longestConfig = 2 ** 20

const metricsName = 'metrics.jsonl'

/** `undefined` where it is not there. */
const ifThere = <A>(read: TE.TaskEither<StoreError, A>): TE.TaskEither<Failure, A | undefined> =>
  pipe(
    read,
    TE.map((found): A | undefined => found),
    TE.orElse((e) => (e._tag === 'FileFailure' && e.code === 'ENOENT' ? TE.right(undefined) : TE.left(e))),
    TE.mapLeft(failedWith(showStoreError))
  )

const reportOf = (directory: string): TE.TaskEither<Failure, KeptReport | undefined> => {
  const path = join(directory, reportName)
  return pipe(
    ifThere(readText(path, longestReport)),
    TE.chainEitherK((text) =>
      text === undefined
        ? E.right(undefined)
        : pipe(
            parseReport(text),
            E.mapLeft((found) =>
              failed(`${path}: found ${found}, expected the report of a finished run: resume the run, which writes it`)
            )
          )
    )
  )
}

/** A directory that the user named: its runs, in their order. */
const runsIn = (given: string): TE.TaskEither<Failure, ReadonlyArray<string>> =>
  pipe(
    TE.fromTask<boolean, Failure>(async () => E.toUnion(await exists(join(given, metricsName))())),
    TE.chain((isRun) =>
      isRun
        ? TE.right([given])
        : pipe(
            namesIn(given),
            TE.mapLeft(failedWith(showStoreError)),
            TE.map((names) =>
              names
                .filter((name) => /^trial-\d+$/.test(name))
                .sort((a, b) => Number(a.slice(6)) - Number(b.slice(6)))
                .map((name) => join(given, name))
            ),
            TE.filterOrElse(
              (trials) => trials.length > 0,
              () =>
                failed(
                  `${given}: found no ${metricsName} and no trial-1, expected the directory of a run of \`pretrain\` or \`finetune\``
                )
            )
          )
    )
  )

const read = (directory: string, name: string): TE.TaskEither<Failure, RunData> =>
  pipe(
    TE.Do,
    TE.apS('bytes', ifThere(readBytes(join(directory, metricsName)))),
    TE.apS('config', ifThere(readText(join(directory, 'config.json'), longestConfig))),
    TE.apS('record', pipe(readRecord(directory), TE.bimap(failedWith(showStoreError), O.toUndefined))),
    TE.apS('report', reportOf(directory)),
    TE.map(({ bytes, config, record, report }) => ({
      name,
      directory,
      metrics: parseMetrics(bytes ?? new Uint8Array()),
      ...(config === undefined ? {} : { config }),
      ...(record === undefined ? {} : { record }),
      ...(report === undefined ? {} : { report }),
      ...(report?.samples === undefined ? {} : { samples: report.samples })
    }))
  )

/** All runs of these directories, by names that tell them apart. */
export const readRuns = (directories: ReadonlyArray<string>): TE.TaskEither<Failure, ReadonlyArray<RunData>> =>
  pipe(
    directories,
    TE.traverseSeqArray(runsIn),
    TE.map((found) => found.flat()),
    TE.chain((all) => {
      const names = namesOf(all.map((directory) => resolve(directory)))
      return pipe(
        all.map((directory, i) => ({ directory, name: names[i] })),
        TE.traverseSeqArray(({ directory, name }) => read(directory, name))
      )
    })
  )

/** When a run's numbers were last written, in seconds since 1970. */
export const lastWrittenAt = ({ directory }: Pick<RunData, 'directory'>): TE.TaskEither<Failure, number> =>
  pipe(
    TE.tryCatch(
      () => stat(join(directory, metricsName)),
      (cause) => failed(`${directory}: could not be looked at: ${String(cause)}`)
    ),
    TE.map(({ mtimeMs }) => mtimeMs / 1000)
  )
