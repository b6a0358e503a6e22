/** Fifty steps of `nano`, to be compared with the same on other workers. */

import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { EncodedCorpus } from '../../../src/electra/data/encoded-corpus.js'
import { sha256OfTensors } from '../../../src/electra/store/digest.js'
import { pretrainingSession } from '../../../src/electra/pretraining/session.js'
import type { SessionError } from '../../../src/electra/training/session.js'
import type { PartitionLimits } from '../../../src/tensor/index.js'
import type { Report } from '../../../src/electra/training/columns.js'
import { withFolds, type WorkerError } from '../../../src/workers/index.js'
import { rightOf } from '../data/right.js'
import { nano, threads } from './runs.js'

export const steps = 50

export const seed = 3

/** What differs from `nano`, whose dropout is on. */
export const inFiveShards = { batchSize: 5, shards: 5 }

/** Workers, and how many shards are held at once. */
export const executions = [
  [2, 5],
  [2, 1],
  [3, 3],
  [4, 4]
] as const

/** So low that `nano` is divided as large models are: into many parts, and what is computed element by element into blocks. */
export const manyParts: PartitionLimits = { partBytes: 2 ** 8, mostParts: 32, blockElements: 37, snapshotElements: 1 }

export type Trained = {
  readonly reports: ReadonlyArray<Report & { readonly gradientNorm: number }>
  readonly weights: string
  readonly optimizer: string
}

/** Every metric, and the hashes of what the weights and the optimiser are in the end. */
export const trained = (
  corpus: EncodedCorpus,
  matmul: 'own' | 'blas',
  workers: number,
  shardsAtOnce: number,
  limits?: PartitionLimits
): Promise<Trained> => {
  const { choice, ...options } = threads(workers)
  return rightOf<SessionError | WorkerError, Trained>(
    withFolds(
      { ...options, choice: { ...choice, matmul } },
      { shardsAtOnce, limits }
    )((folds) =>
      pipe(
        pretrainingSession({ config: nano(inFiveShards), corpus, seed, totalSteps: steps })(folds),
        TE.bindTo('session'),
        TE.bind('reports', ({ session }) =>
          pipe(
            Array.from({ length: steps }, (_, n) => n),
            TE.traverseSeqArray((n) =>
              pipe(
                session.step(n),
                TE.map(({ report, gradientNorm }) => ({ ...report, gradientNorm }))
              )
            )
          )
        ),
        TE.bindW('state', ({ session }) => session.read),
        TE.map(({ reports, state }) => ({
          reports,
          weights: sha256OfTensors(state.params),
          optimizer: sha256OfTensors(state.optimizer)
        }))
      )
    )
  )
}
