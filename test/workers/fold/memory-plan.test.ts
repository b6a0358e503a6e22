import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { wasm } from '../../../src/tensor/run/wasm/wasm.js'
import { pooledFold } from '../../../src/workers/fold/pooled-fold.js'
import type { WorkerError } from '../../../src/workers/error.js'
import { inProcess } from '../../../src/workers/pool/in-process.js'
import { memoryFields, plannedBytes, type MemoryPlan } from '../../../src/workers/fold/memory-plan.js'
import type { Pool } from '../../../src/workers/pool/pool.js'
import { withPool } from '../../../src/workers/pool/threads.js'
import { built } from '../../built.js'
import { batch, heldOut, initialState, perceptron } from '../perceptron.js'

type Measured = { readonly plan: MemoryPlan; readonly planned: number; readonly before: number; readonly inUse: number }

/** The plan of a fold and an evaluation before anything has run, and what is in use after both have. */
const measured =
  (shards: number, shardsAtOnce: number) =>
  (pool: Pool): TE.TaskEither<WorkerError, Measured> =>
    pipe(
      TE.fromIOEither(pool.memory),
      TE.bindTo('memory'),
      TE.let('before', ({ memory }) => memory.inUse()),
      TE.bind('fold', () => pooledFold(pool, { shardsAtOnce }).make(perceptron(shards))),
      TE.bind('evaluate', ({ fold }) => fold.evaluation('held out', heldOut())),
      TE.let('plan', ({ fold }) => fold.memory()),
      TE.chainFirst(({ fold }) => fold.write(initialState())),
      TE.chainFirst(({ fold }) => fold.step(batch(0, shards), [Float32Array.of(0.01)])),
      TE.chainFirst(({ evaluate }) => evaluate(batch(1, shards))),
      TE.map(({ plan, memory, before }) => ({ plan, planned: plannedBytes(plan), before, inUse: memory.inUse() }))
    )

const right = <A>(answer: E.Either<WorkerError, A>): A => {
  if (E.isLeft(answer)) throw new Error(JSON.stringify(answer.left))
  return answer.right
}

describe('the memory plan of a fold', () => {
  it('is what the fold takes, to the byte', () =>
    fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 9 }), fc.constantFrom(1, 2, 4, 16), async (shards, shardsAtOnce) => {
        const { planned, before, inUse, plan } = right(await measured(shards, shardsAtOnce)(inProcess(wasm()))())
        expect(planned).toBe(inUse - before)
        // One for each shard at once, and sums that wait: a level of the tree each. A sum is made beside what it is of, so
        // where one shard is held at once, it is one more.
        const together = Math.min(shards, shardsAtOnce)
        const alone = shards > 1 && together === 1 ? 1 : 0
        expect(plan.sets).toBeLessThanOrEqual(together + Math.ceil(Math.log2(shards)) + alone)
      })
    ))

  it.each([1, 2, 3])(
    'holds for %i threads, which each count what they have done in a word beside it',
    async (workers) => {
      const options = {
        workers,
        choice: { device: 'wasm', matmul: 'own', floats: 'float32' },
        entry: built('workers/pool/thread.js')
      } as const
      const { planned, before, inUse } = right(await withPool(options)(measured(4, 4))())
      expect(inUse - before - planned).toBeLessThanOrEqual(64 * workers)
      // A worker that no task has come to yet has nothing to work in.
      expect(inUse - before).toBeGreaterThan(planned / 2)
    }
  )

  it('says what there is, and how often', () => {
    const plan = { state: 170e6, sets: 2, set: 57e6, rest: 4.1e6, workers: 1, working: 420e6 }
    expect(memoryFields(plan)).toEqual(['708 MB: state 170', 'gradients 2 x 57', 'workers 1 x 420', 'other arrays 4.1'])
  })
})
