/**
 * One seed, one result: any number of workers, with room for all shards or for one, on the device's own products or on BLAS.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Corpus } from '../../../src/electra/data/corpus.js'
import { sha256OfTensors } from '../../../src/electra/store/digest.js'
import { openSession, type SessionError } from '../../../src/electra/training/session.js'
import { blas } from '../../../src/tensor/run/blas.js'
import { showDeviceError } from '../../../src/tensor/run/device.js'
import { withPool, type WorkerError } from '../../../src/workers/index.js'
import { rightOf } from '../data/right.js'
import { corpusIn, nano, remove, temporary, textOf, threads } from './runs.js'

const steps = 50

let directory = ''
let corpus: Corpus
beforeAll(async () => {
  directory = await temporary()
  corpus = await corpusIn(directory, 'text', textOf(52))
})
afterAll(() => remove(directory))

/** Fifty steps in five shards, dropout on: every metric, and what the weights and the optimiser are in the end. */
const trained = (matmul: 'own' | 'blas', workers: number, room: number): Promise<unknown> => {
  const { choice, ...options } = threads(workers)
  const config = nano({ batchSize: 5, shards: 5 })
  return rightOf<SessionError | WorkerError, unknown>(
    withPool({ ...options, choice: { ...choice, matmul } })((pool) =>
      pipe(
        openSession({ config, corpus, seed: 3, totalSteps: steps })(pool, { room }),
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
        TE.bindW('state', ({ session }) => TE.fromTask(session.read)),
        TE.map(({ reports, state }) => ({
          reports,
          weights: sha256OfTensors(state.params),
          optimizer: sha256OfTensors(state.optimizer)
        }))
      )
    )
  )
}

const found = await blas()()

describe.each(['own', 'blas'] as const)('fifty steps of nano on %s', (matmul) => {
  const isSkipped = matmul === 'blas' && E.isLeft(found) && process.env.PURE_ELECTRA_REQUIRE_BLAS !== '1'
  const why = isSkipped ? ` (skipped: ${showDeviceError(found.left)})` : ''
  it.skipIf(isSkipped)(
    `have the same bits on 1, 2, 3 and 4 workers, with room for 5, 4, 2 and 1 shards${why}`,
    async () => {
      const alone = await trained(matmul, 1, 5)
      for (const [workers, room] of [
        [2, 5],
        [2, 1],
        [3, 2],
        [4, 4]
      ])
        expect(await trained(matmul, workers, room)).toEqual(alone)
    }
  )
})
