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
import type { Console } from './console.js'
import type { DeviceOptions } from './device.js'
import { failed, failedWith, type Failure } from './outcome.js'
import type { Samples } from '../report/closing-report.js'
import { configOfRun } from './scorer.js'

/** Sentences; or why there are none: fine-tuning has none, and another corpus than the run's is no held-out text of it. */
type Found = { readonly samples?: Samples; readonly mismatch?: string }

const samplesOf = (
  { directory }: RunData,
  corpusDirectory: string,
  options: DeviceOptions
): TE.TaskEither<Failure, Found> =>
  pipe(
    latestCheckpoint(join(directory, 'checkpoints')),
    TE.mapLeft(failedWith(showStoreError)),
    TE.chain((found) => {
      if (O.isNone(found)) return TE.right({})
      const { progress, params } = found.value.checkpoint
      if (progress.identity.corpus === undefined) return TE.right({})
      return pipe(
        TE.Do,
        TE.apS('config', configOfRun(directory)),
        TE.apS('corpus', pipe(openCorpus(corpusDirectory), TE.mapLeft(failedWith(showCorpusError)))),
        TE.chain(({ config, corpus }): TE.TaskEither<Failure, Found> => {
          if (corpus.manifest.sha256 !== progress.identity.corpus)
            return TE.right({
              mismatch:
                `--corpus ${corpusDirectory}: found the corpus ${corpus.manifest.sha256}, expected the one that ${directory} is trained on: ` +
                describe(progress.identity.corpus)
            })
          const objective = objectiveOf(config, piecesOf(corpus))
          const { seed } = progress.identity
          return pipe(
            judgeSentences(
              { ...options, seed: typeof seed === 'number' ? seed : 1 },
              { config, corpus, objective },
              { params }
            ),
            TE.map((samples) => (samples === undefined ? {} : { samples }))
          )
        })
      )
    })
  )

/** The same runs, with samples where there can be some. Fails where the corpus is of none of them; else it tells of which it is not. */
export const withSamples = (
  runs: ReadonlyArray<RunData>,
  corpus: string | undefined,
  options: DeviceOptions,
  { note }: Pick<Console, 'note'>
): TE.TaskEither<Failure, ReadonlyArray<RunData>> => {
  if (corpus === undefined) return TE.right(runs)
  return pipe(
    runs,
    TE.traverseSeqArray((run): TE.TaskEither<Failure, Found> =>
      run.samples === undefined ? samplesOf(run, corpus, options) : TE.right({})
    ),
    TE.chain((found) => {
      const mismatches = found.flatMap(({ mismatch }) => mismatch ?? [])
      const hasAny = found.some(({ samples }) => samples !== undefined)
      if (mismatches.length > 0 && !hasAny) return TE.left(failed(mismatches[0]))
      mismatches.forEach((mismatch) => note(`${mismatch}; it is shown without sentences`))
      return TE.right(
        runs.map((run, i) => {
          const { samples } = found[i]
          return samples === undefined ? run : { ...run, samples }
        })
      )
    })
  )
}
