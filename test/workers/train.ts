/** Ten steps of the perceptron on a pool, to be compared with the same on another. */

import { pipe } from 'fp-ts/lib/function.js'
import * as RA from 'fp-ts/lib/ReadonlyArray.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { pooledFold } from '../../src/workers/fold/pooled-fold.js'
import type { WorkerError } from '../../src/workers/error.js'
import type { Pool } from '../../src/workers/pool/pool.js'
import type { Execution } from '../../src/workers/fold/shard-plan.js'
import { batch, bitsOf, initialState, perceptron } from './perceptron.js'

/** The bits of every metric on the way, and of the state at the end. */
export const train =
  (shards: number, execution: Execution = {}) =>
  (pool: Pool): TE.TaskEither<WorkerError, ReadonlyArray<string>> =>
    pipe(
      pooledFold(pool, execution).make(perceptron(shards)),
      TE.chainFirst((fold) => fold.write(initialState())),
      TE.chain((fold) =>
        pipe(
          RA.makeBy(10, (step) => fold.step(batch(step, shards), [Float32Array.of(0.01)])),
          TE.sequenceSeqArray,
          TE.bindTo('steps'),
          TE.bind('state', () => fold.read),
          TE.map(({ steps, state }) => [...steps.flatMap(({ metrics, report }) => [metrics, report]), state])
        )
      ),
      TE.map((arrays) => arrays.flatMap(bitsOf))
    )
