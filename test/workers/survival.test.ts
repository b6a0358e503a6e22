/**
 * Threads that are lost: they are replaced, and nobody can tell from the results.
 */

import { getEnvironmentData } from 'node:worker_threads'
import fc from 'fast-check'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as RA from 'fp-ts/lib/ReadonlyArray.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { beforeAll, describe, expect, it } from 'vitest'
import { matmul } from '../../src/tensor/index.js'
import { lower, type Lowered } from '../../src/tensor/program/lower.js'
import type { Data } from '../../src/tensor/dtype.js'
import { outputSpecs } from '../../src/tensor/program/program.js'
import type { DeviceChoice } from '../../src/tensor/run/choose.js'
import { wasm as wasmDevice } from '../../src/tensor/run/wasm/wasm.js'
import { inputNode } from '../../src/tensor/tensor.js'
import { checksum } from '../../src/workers/ranks/checksum.js'
import { pooledFold } from '../../src/workers/fold/pooled-fold.js'
import type { WorkerError } from '../../src/workers/error.js'
import { inProcess } from '../../src/workers/pool/in-process.js'
import { allocateSlots } from '../../src/workers/pool/memory.js'
import type { Pool } from '../../src/workers/pool/pool.js'
import type { Ranks } from '../../src/workers/ranks/ranks.js'
import { prepareShardedSum } from '../../src/workers/fold/sharded-sum.js'
import { withPool } from '../../src/workers/pool/threads.js'
import { built } from '../built.js'
import { withChaos, type Death, type Way } from './chaos.js'
import { meeting, sumInOrder } from './ranks/meeting.js'
import { batch, bitsOf, initialState, perceptron } from './perceptron.js'
import { train } from './train.js'

const wasm: DeviceChoice = { device: 'wasm', matmul: 'own', floats: 'float32' }

const shards = 4

let undisturbed: E.Either<WorkerError, ReadonlyArray<string>>
beforeAll(async () => {
  undisturbed = await withPool({ workers: 2, choice: wasm, entry: built('workers/pool/thread.js') })(train(shards))()
  expect(E.isRight(undisturbed)).toBe(true)
})

/** Programs of the perceptron's step: its gradient, its sums and its update, as the pool numbers them. */
const programs = async (): Promise<number> => {
  let loaded = 0
  await withPool({ workers: 1, choice: wasm, entry: built('workers/pool/thread.js') })((pool) =>
    train(shards)({
      ...pool,
      load: (program) => {
        loaded++
        return pool.load(program)
      }
    })
  )()
  return loaded
}

const deathsEach = 5

/** Deaths of a program among its first twelve runs: it has ten, and one more for each death before. */
const deathsOf = (program: number): fc.Arbitrary<ReadonlyArray<Death>> =>
  fc
    .tuple(
      fc.uniqueArray(fc.nat({ max: 11 }), { minLength: deathsEach, maxLength: deathsEach }),
      fc.array(fc.constantFrom<Way>('exit', 'throw', 'reject', 'terminate'), {
        minLength: deathsEach,
        maxLength: deathsEach
      })
    )
    .map(([runs, ways]) => runs.map((run, i) => ({ program, run, way: ways[i] })))

describe('a fold on a pool, on threads that are lost', () => {
  it('gives the bits of an undisturbed one, with five deaths in its gradient, in each of its sums and in its update', async () => {
    const count = await programs()
    expect(count).toBeGreaterThanOrEqual(3)
    await fc.assert(
      fc.asyncProperty(
        fc.tuple(...RA.makeBy(count, deathsOf)).map((deaths) => deaths.flat()),
        fc.constantFrom(2, 3),
        async (plan, workers) => {
          // The same task may meet all the deaths of its program.
          const options = { workers, choice: wasm, patience: { attempts: deathsEach + 1 } }
          const { answer, deaths, replaced, started, alive } = await withChaos(options, plan)(train(shards))
          expect(answer).toEqual(undisturbed)
          expect(deaths.slice(0, count)).toEqual(RA.replicate(count, deathsEach))
          expect(replaced).toHaveLength(plan.length)
          expect([started, alive]).toEqual([workers + plan.length, 0])
        }
      ),
      // Each run takes seconds: the seed of the suite decides which it is.
      { numRuns: 1, endOnFailure: true }
    )
  })

  it('goes on past a thread that hangs, once its deadline has passed', async () => {
    const plan: ReadonlyArray<Death> = [{ program: 0, run: 5, way: 'hang' }]
    const { answer, deaths, replaced, alive } = await withChaos(
      { workers: 2, choice: wasm, patience: { taskSeconds: 1 } },
      plan
    )(train(shards))
    expect(answer).toEqual(undisturbed)
    expect(deaths[0]).toBe(1)
    expect(replaced.map(({ cause }) => cause)).toContainEqual({
      _tag: 'WorkerOverdue',
      worker: replaced[0].worker,
      seconds: 1
    })
    expect(alive).toBe(0)
  })

  it('is at an end, with its state as it was, where a thread is stuck in native code', async () => {
    const plan: ReadonlyArray<Death> = [{ program: 0, run: 1, way: 'native' }]
    const patience = { taskSeconds: 1, endSeconds: 0.2 }
    const { answer, alive } = await withChaos(
      { workers: 1, choice: wasm, patience },
      plan
    )((pool) =>
      pipe(
        pooledFold(pool).make(perceptron(shards)),
        TE.chainFirst((fold) => fold.write(initialState())),
        TE.chainTaskK((fold) => async () => ({
          step: await fold.step(batch(0, shards), [Float32Array.of(0.01)])(),
          // Nothing is handed to anybody else that the thread may still write to.
          again: await fold.step(batch(0, shards), [Float32Array.of(0.01)])(),
          memory: pool.memory(),
          state: pipe(await fold.read(), E.map(bitsOf))
        }))
      )
    )
    const stuck = E.left({ _tag: 'WorkerStuck', worker: 0, seconds: 0.2 })
    expect(answer).toEqual(
      E.right({ step: stuck, again: stuck, memory: stuck, state: E.right(bitsOf(initialState())) })
    )
    expect(alive).toBe(1)
  })
})

describe('a pool that is released in the middle of a step', () => {
  /** Releases the pool once a thread hangs in the run of a program, and gives what the step answers. */
  const releasedIn = (program: number, workers: number) =>
    withChaos({ workers, choice: wasm }, [{ program, run: 0, way: 'hang' }])((pool) =>
      pipe(
        pooledFold(pool).make(perceptron(shards)),
        TE.chainFirst((fold) => fold.write(initialState())),
        TE.chainTaskK((fold) => async () => {
          const { deaths } = getEnvironmentData('chaos') as unknown as { readonly deaths: Int32Array }
          const step = () => fold.step(batch(0, shards), [Float32Array.of(0.01)])()
          const stepping = step()
          while (Atomics.load(deaths, program) === 0) await new Promise((resume) => setImmediate(resume))
          await pool.release()
          return [await stepping, await step()]
        })
      )
    )

  it('ends its threads wherever they are, and answers so: torn only where the update had begun', async () => {
    const [gradient, update] = [0, (await programs()) - 1]
    const released: WorkerError = { _tag: 'PoolReleased' }
    const cases: ReadonlyArray<readonly [number, WorkerError]> = [
      [gradient, released],
      [update, { _tag: 'StateTorn', cause: released }]
    ]
    for (const [program, ended] of cases)
      for (const workers of [1, 3]) {
        const { answer, replaced, started, alive } = await releasedIn(program, workers)
        expect({ replaced, started, alive }).toEqual({ replaced: [], started: workers, alive: 0 })
        expect(answer).toEqual(E.right([E.left(ended), E.left(ended)]))
      }
  })
})

describe('the memory of a pool', () => {
  it('is no fuller after 20 deaths than after the first run', async () => {
    const { program } = perceptron(1).shardGrad
    const plan = RA.makeBy(20, (death): Death => ({ program: 0, run: 2 * death + 1, way: 'exit' }))
    const { answer, deaths } = await withChaos(
      { workers: 1, choice: wasm, patience: { attempts: 3 } },
      plan
    )((pool) =>
      pipe(
        TE.Do,
        TE.bind('id', () => pool.load(program)),
        TE.bind('memory', () => TE.fromIOEither(pool.memory)),
        TE.bind('slots', ({ memory }) =>
          TE.fromIOEither(
            allocateSlots(memory, 'float32', { inputs: program.inputs, outputs: outputSpecs(program) } as const)
          )
        ),
        TE.let('before', ({ memory }) => memory.inUse()),
        TE.let('task', ({ id, slots }) => ({ program: id, ...slots })),
        TE.chainFirst(({ task }) => pool.run([task])),
        TE.let('first', ({ memory }) => memory.inUse()),
        TE.chainFirst(({ task }) => pool.run(RA.replicate(20, task))),
        TE.map(({ memory, before, first }) => ({ before, first, last: memory.inUse() }))
      )
    )
    if (E.isLeft(answer)) throw new Error(JSON.stringify(answer.left))
    const { before, first, last } = answer.right
    expect(deaths[0]).toBe(20)
    // The program needs room to work in, so there was something to lose.
    expect(first).toBeGreaterThan(before)
    expect(last).toBe(first)
  })
})

describe('a sum over ranks of what is still being computed', () => {
  const size = 1024
  /** x, x², x³ and x⁴ of a matrix, one after the other: three parts of the sum, as each takes 4 MiB. */
  const powers = (): Lowered => {
    const x = inputNode('x', [size, size], 'f32')
    const [square, cube] = [matmul(x)(x), pipe(x, matmul(x), matmul(x))]
    const outputs = [pipe(cube, matmul(x)), square, cube]
    return lower(
      outputs.map((tensor, i) => ({ name: String(i), tensor })),
      [x]
    )
  }
  const shardsOf = (count: number): ReadonlyArray<Float32Array> =>
    Array.from({ length: count }, (_, shard) =>
      Float32Array.from({ length: size * size }, (_, i) => ((i * (37 + shard)) % 101) / 5e3)
    )

  type Event = 'begun' | 'computed'

  /** The sums over shards on one of two ranks, and in which order parts were begun with and computed. */
  const sumOn =
    (shards: ReadonlyArray<Float32Array>, ranks: Ranks, events: Array<Event>, shardsAtOnce?: number) =>
    (pool: Pool): TE.TaskEither<WorkerError, number> => {
      const beginSum: Ranks['beginSum'] = (arrays) => () => {
        events.push('begun')
        return ranks.beginSum(arrays)()
      }
      const run: Pool['run'] = (jobs, listener) =>
        pipe(
          pool.run(jobs, listener),
          TE.tapIO(() => () => events.push('computed'))
        )
      const execution = { ranks: { ...ranks, beginSum }, shardsAtOnce }
      return pipe(
        prepareShardedSum({ ...pool, run }, 'powers', powers(), [], shards.length, execution),
        TE.chainFirst((sum) => TE.fromIOEither(sum.write(shards.map((x) => [x])))),
        TE.chainFirst((sum) => sum.run([])),
        TE.map((sum) => checksum(sum.read()))
      )
    }

  /** Each shard by itself, then the sums on each rank, then theirs. */
  const expected = (shards: ReadonlyArray<Float32Array>): number => {
    const device = wasmDevice()
    const { program } = powers()
    const computed = shards.map((x) => {
      const outputs = outputSpecs(program).map(() => new Float32Array(size * size))
      pipe(
        device.load(program),
        E.map((executable) => executable.run([x], outputs)())
      )
      return outputs
    })
    const half = computed.length / 2
    const ranks = [computed.slice(0, half), computed.slice(half)]
    const sum = (terms: ReadonlyArray<ReadonlyArray<Data>>): ReadonlyArray<Data> =>
      terms[0].map((_, i) => sumInOrder(terms.map((arrays) => arrays[i])))
    return checksum(sum(ranks.map(sum)))
  }

  // A run that finds too little room to work in ends before it has begun: of one worker, the first that computes is number 1,
  // and of two the last to begin is number 3.
  it.each<readonly [string, number, ReadonlyArray<Death>]>([
    ['nobody is lost', 1, []],
    ['a thread is lost before anything is finished', 1, [{ program: 0, run: 0, way: 'exit' }]],
    [
      'threads are lost when some of it is exchanged',
      1,
      [1, 2].map((groups) => ({ program: 0, run: groups, way: 'throw', groups }))
    ],
    ['there are several shards', 2, []],
    [
      'threads are lost when some of several shards is exchanged',
      2,
      [1, 2].map((groups) => ({ program: 0, run: 2 + groups, way: 'exit', groups }))
    ]
  ])('is exchanged part by part, and the same where %s', async (_, workers, plan) => {
    const shards = shardsOf(2 * workers)
    const [first, second] = meeting(2).members
    const events: Array<Event> = []
    const alone = sumOn(shards, second, [])(inProcess(wasmDevice()))()
    const { answer, replaced } = await withChaos({ workers, choice: wasm }, plan)(sumOn(shards, first, events))
    expect(replaced).toHaveLength(plan.length)
    expect(events.filter((event) => event === 'begun')).toHaveLength(3)
    expect(events.indexOf('computed')).toBeGreaterThanOrEqual(2)
    expect(answer).toEqual(await alone)
    expect(answer).toEqual(E.right(expected(shards)))
  })

  it('is of the same parts in the same order on ranks that hold different numbers of shards at once', async () => {
    const shards = shardsOf(4)
    const sums = await Promise.all(
      meeting(2).members.map((ranks, i) => sumOn(shards, ranks, [], 2 - i)(inProcess(wasmDevice()))())
    )
    expect(sums).toEqual([E.right(expected(shards)), E.right(expected(shards))])
  })
})
