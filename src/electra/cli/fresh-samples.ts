/** Sample sentences of a run that has kept none, by its last checkpoint and the corpus that it is trained on. */

import { join } from 'node:path'
import { pipe } from 'fp-ts/lib/function.js'
import * as O from 'fp-ts/lib/Option.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { describe } from '../../tensor/describe.js'
import { showCorpusError } from '../data/corpus-error.js'
import { openCorpus } from '../data/corpus/corpus.js'
import { objectiveOf } from '../objective/table.js'
import { piecesOf } from '../pretraining/problem.js'
import type { RunData } from '../report/run/run-data.js'
import { latestCheckpoint } from '../store/checkpoints/checkpoint.js'
import { showStoreError } from '../store/errors.js'
import { judgeSentences } from './closing.js'
import type { DeviceOptions } from './device.js'
import { failed, failedWith, type Failure } from './outcome.js'
import type { Samples } from '../report/closing-report.js'
import { configOfRun } from './scorer.js'

const samplesOf = (
  { directory }: RunData,
  corpusDirectory: string,
  options: DeviceOptions
): TE.TaskEither<Failure, Samples | undefined> =>
  pipe(
    latestCheckpoint(join(directory, 'checkpoints')),
    TE.mapLeft(failedWith(showStoreError)),
    TE.chain((found) => {
      if (O.isNone(found)) return TE.right(undefined)
      const { progress, params } = found.value.checkpoint
      // Fine-tuning has none.
      if (progress.identity.corpus === undefined) return TE.right(undefined)
      return pipe(
        TE.Do,
        TE.apS('config', configOfRun(directory)),
        TE.apS('corpus', pipe(openCorpus(corpusDirectory), TE.mapLeft(failedWith(showCorpusError)))),
        TE.filterOrElse(
          ({ corpus }) => corpus.manifest.sha256 === progress.identity.corpus,
          ({ corpus }) =>
            failed(
              `--corpus ${corpusDirectory}: found the corpus ${corpus.manifest.sha256}, expected the one that ${directory} is trained on: ` +
                describe(progress.identity.corpus)
            )
        ),
        TE.chain(({ config, corpus }) => {
          const objective = objectiveOf(config, piecesOf(corpus))
          const { seed } = progress.identity
          return judgeSentences(
            { ...options, seed: typeof seed === 'number' ? seed : 1 },
            { config, corpus, objective },
            { params }
          )
        })
      )
    })
  )

/** The same runs, with samples where there can be some. */
export const withSamples = (
  runs: ReadonlyArray<RunData>,
  corpus: string | undefined,
  options: DeviceOptions
): TE.TaskEither<Failure, ReadonlyArray<RunData>> =>
  corpus === undefined
    ? TE.right(runs)
    : pipe(
        runs,
        TE.traverseSeqArray((run) =>
          run.samples !== undefined
            ? TE.right(run)
            : pipe(
                samplesOf(run, corpus, options),
                TE.map((samples) => (samples === undefined ? run : { ...run, samples }))
              )
        )
      )
