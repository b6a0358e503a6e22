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

/** Of the corpus of a run there may be sentences, or none, as of fine-tuning; another corpus holds nothing out from it. */
type Found =
  | { readonly _tag: 'OfRun'; readonly samples: Samples | undefined }
  | { readonly _tag: 'OfAnother'; readonly mismatch: string }

const none: Found = { _tag: 'OfRun', samples: undefined }

const samplesOf = (
  { directory }: RunData,
  corpusDirectory: string,
  options: DeviceOptions
): TE.TaskEither<Failure, Found> =>
  pipe(
    latestCheckpoint(join(directory, 'checkpoints')),
    TE.mapLeft(failedWith(showStoreError)),
    TE.chain((found) => {
      if (O.isNone(found)) return TE.right(none)
      const { progress, params } = found.value.checkpoint
      if (progress.identity.corpus === undefined) return TE.right(none)
      return pipe(
        TE.Do,
        TE.apS('config', configOfRun(directory)),
        TE.apS('corpus', pipe(openCorpus(corpusDirectory), TE.mapLeft(failedWith(showCorpusError)))),
        TE.chain(({ config, corpus }): TE.TaskEither<Failure, Found> => {
          if (corpus.manifest.sha256 !== progress.identity.corpus)
            return TE.right({
              _tag: 'OfAnother',
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
            TE.map((samples) => ({ _tag: 'OfRun', samples }))
          )
        })
      )
    })
  )

/**
 * The same runs, with samples where there can be some; those that have kept theirs are not looked at. Fails where the corpus is of none of
 * the others; of which of them it is not, it tells.
 */
export const withSamples = (
  runs: ReadonlyArray<RunData>,
  corpus: string | undefined,
  options: DeviceOptions,
  { note }: Pick<Console, 'note'>
): TE.TaskEither<Failure, ReadonlyArray<RunData>> => {
  if (corpus === undefined) return TE.right(runs)
  return pipe(
    runs,
    TE.traverseSeqArray((run) =>
      pipe(
        run.samples === undefined ? samplesOf(run, corpus, options) : TE.right(none),
        TE.map((found) => ({ run, found }))
      )
    ),
    TE.chain((all) => {
      const mismatches = all.flatMap(({ found }) => (found._tag === 'OfAnother' ? [found.mismatch] : []))
      if (mismatches.length > 0 && mismatches.length === all.length) return TE.left(failed(mismatches[0]))
      mismatches.forEach((mismatch) => note(`${mismatch}; that run is shown without sample sentences`))
      return TE.right(
        all.map(({ run, found }) =>
          found._tag === 'OfRun' && found.samples !== undefined ? { ...run, samples: found.samples } : run
        )
      )
    })
  )
}
