/** `results.json`, and the reports that are made of it alone. */

import { pipe } from 'fp-ts/lib/function.js'
import * as T from 'fp-ts/lib/Task.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { experimentReport } from '../../report/experiment/report.js'
import type { ExperimentResults } from '../../report/experiment/results.js'
import { htmlOf } from '../../report/pages/html.js'
import { markdownOf } from '../../report/pages/markdown.js'
import { writeFileWhole } from '../../store/files/files.js'
import type { Failure } from '../outcome.js'
import type { Places } from './places.js'
import { stored, textOf } from '../stored.js'

/** What is written where. */
const pagesOf = (results: ExperimentResults, places: Places): T.Task<ReadonlyArray<readonly [string, string]>> => {
  const document = experimentReport(results)
  return pipe(
    htmlOf(document),
    T.map((html) => [
      [places.results, textOf(results)],
      [places.markdown, markdownOf(document)],
      [places.html, html]
    ])
  )
}

export const publish = (results: ExperimentResults, places: Places): TE.TaskEither<Failure, void> =>
  pipe(
    TE.fromTask<ReadonlyArray<readonly [string, string]>, Failure>(pagesOf(results, places)),
    TE.chain(TE.traverseSeqArray(([path, text]) => stored(writeFileWhole(path, text)))),
    TE.map(() => undefined)
  )
