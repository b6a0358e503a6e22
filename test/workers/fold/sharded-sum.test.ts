import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { lower } from '../../../src/tensor/program/lower.js'
import type { Program } from '../../../src/tensor/program/program.js'
import type { Memory } from '../../../src/tensor/run/memory/memory.js'
import { reference } from '../../../src/tensor/run/reference/reference.js'
import { binaryNode, broadcastNode, inputNode, unaryNode } from '../../../src/tensor/tensor.js'
import { literal } from '../../../src/tensor/literal.js'
import { wasm } from '../../../src/tensor/run/wasm/wasm.js'
import { inProcess } from '../../../src/workers/pool/in-process.js'
import { allocateSlots, readSlots, writeSlots } from '../../../src/workers/pool/memory.js'
import type { Pool } from '../../../src/workers/pool/pool.js'
import type { ProgramTask } from '../../../src/workers/pool/runner.js'
import { prepareShardedSum } from '../../../src/workers/fold/sharded-sum.js'
import { solo } from '../../../src/workers/ranks/ranks.js'
import { foldTree } from '../../../src/workers/fold/tree-sum.js'
import { onRanks, sumInOrder } from '../ranks/meeting.js'

const reals = fc.integer({ min: -(2 ** 30), max: 2 ** 30 }).map((n) => Math.fround(n / 1000))

/** Some leaf sizes, and for each shard an array of each size. */
const shardedLeaves = fc
  .tuple(fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 5 }), fc.integer({ min: 1, max: 7 }))
  .chain(([sizes, shards]) =>
    fc.record({
      sizes: fc.constant(sizes),
      data: fc.array(
        fc.tuple(
          ...sizes.map((n) => fc.array(reals, { minLength: n, maxLength: n }).map((xs) => Float32Array.from(xs)))
        ),
        { minLength: shards, maxLength: shards }
      ),
      offset: reals
    })
  )

/** Each sum rounded to f32, as it is stored. */
const addRounded = (a: Float32Array, b: Float32Array): Float32Array => a.map((x, i) => x + b[i])

const memoryOf = (pool: Pool): Memory => {
  const memory = pool.memory()
  if (E.isLeft(memory)) throw new Error('the pool has no memory')
  return memory.right
}

/** A pool, and what it was asked to do. */
const watched = () => {
  const pool = inProcess(reference({ floats: 'float32' }))
  const loaded: Array<Program> = []
  const tasks: Array<ProgramTask> = []
  const watching: Pool = {
    ...pool,
    load: (program) => {
      loaded.push(program)
      return pool.load(program)
    },
    run: (some) => {
      tasks.push(...some.flatMap((job) => (typeof job === 'function' ? job(0) : [job])))
      return pool.run(some)
    }
  }
  return { pool: watching, loaded, tasks }
}

/** x -> x + 0.5, -x */
const twoLeaves = () => {
  const x = inputNode('x', [3], 'f32')
  const half = literal([3], 'f32', new Float32Array(3).fill(0.5))
  return lower(
    [
      { name: 'a', tensor: binaryNode('add', x, half) },
      { name: 'b', tensor: unaryNode('neg', x) }
    ],
    [x]
  )
}

describe('a sharded sum', () => {
  it('is the fixed tree of what the program gives for each shard, leaf by leaf, however it is cut', () =>
    fc.assert(
      fc.asyncProperty(shardedLeaves, async ({ sizes, data, offset }) => {
        // To each leaf a shared number is added, then a captured one.
        const shared = inputNode('shared', [1], 'f32')
        const own = sizes.map((n, i) => inputNode(String(i), [n], 'f32'))
        const captured = sizes.map((n) => literal([n], 'f32', new Float32Array(n).fill(0.5)))
        const source = lower(
          own.map((x, i) => ({
            name: String(i),
            tensor: binaryNode('add', binaryNode('add', x, broadcastNode(x.shape, shared)), captured[i])
          })),
          [shared, ...own]
        )
        const spec = { shape: [1], dtype: 'f32' } as const
        const pool = inProcess(reference({ floats: 'float32' }))
        const prepared = await prepareShardedSum(pool, 'test', source, [spec], data.length)()
        const memory = memoryOf(pool)
        const slots = allocateSlots(memory, 'float32', [spec])()
        if (E.isLeft(prepared) || E.isLeft(slots)) throw new Error('the sum was not prepared')
        writeSlots(memory, 'float32')('shared', slots.right, [Float32Array.of(offset)])()
        expect(prepared.right.write(data)()).toEqual(E.right(undefined))
        expect(await prepared.right.run(slots.right)()).toEqual(E.right(undefined))
        const sums = readSlots(memory, 'float32')(prepared.right.sums)()
        expect(prepared.right.read()).toEqual(sums)
        expect(sums).toEqual(
          sizes.map((_, leaf) =>
            foldTree(addRounded)(data.map((arrays) => arrays[leaf].map((x) => x + offset).map((x) => x + 0.5)))
          )
        )
      })
    ))
  it.each([0, -1, 1.5, Number.NaN])('refuses %s shards at once', async (shardsAtOnce) => {
    const pool = inProcess(reference({ floats: 'float32' }))
    expect(await prepareShardedSum(pool, 'test', twoLeaves(), [], 2, { shardsAtOnce })()).toEqual(
      E.left({
        _tag: 'ProgramRejected',
        program: 'test',
        found: `${shardsAtOnce} shards at once`,
        expected: 'a positive integer'
      })
    )
  })

  it('over one shard is what that shard gave, where it gave it: nothing is added, and nothing copied', async () => {
    const { pool, loaded, tasks } = watched()
    const source = twoLeaves()
    const sum = await prepareShardedSum(pool, 'test', source, [], 1)()
    if (E.isLeft(sum)) throw new Error('the sum was not prepared')
    sum.right.write([[Float32Array.of(1, 2, 3)]])()
    expect(await sum.right.run([])()).toEqual(E.right(undefined))
    expect(sum.right.read()).toEqual([Float32Array.of(1.5, 2.5, 3.5), Float32Array.of(-1, -2, -3)])
    expect(loaded).toEqual([source.program])
    expect(tasks.map(({ outputs }) => outputs)).toEqual([sum.right.sums])
    // The captured array, the shard's input, and its two outputs, of a unit of 64 bytes each.
    expect(memoryOf(pool).inUse()).toBe(4 * 64)
  })
})

describe('a sharded sum on several ranks', () => {
  /** x -> x, so that what is summed is what was written. */
  const copies = (sizes: ReadonlyArray<number>) => {
    const inputs = sizes.map((n, i) => inputNode(String(i), [n], 'f32'))
    return lower(
      inputs.map((x, i) => ({ name: String(i), tensor: x })),
      inputs
    )
  }

  it('is on every rank the sum over the ranks of the trees over their blocks of shards, and always the same', () =>
    fc.assert(
      fc.asyncProperty(
        shardedLeaves,
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 5 }),
        async ({ sizes, data }, ranks, shardsAtOnce) => {
          // As many shards for each rank as there were for all.
          const all = Array.from({ length: ranks }, (_, r) =>
            data.map((arrays) => arrays.map((x) => x.map((v) => v * (r + 1))))
          )
          const sums = await onRanks(ranks, async (here) => {
            const pool = inProcess(reference({ floats: 'float32' }))
            const prepared = await prepareShardedSum(pool, 'test', copies(sizes), [], ranks * data.length, {
              shardsAtOnce,
              ranks: here
            })()
            if (E.isLeft(prepared)) throw new Error('the sum was not prepared')
            const results = []
            for (const _ of [1, 2]) {
              prepared.right.write(all.flat())()
              expect(await prepared.right.run([])()).toEqual(E.right(undefined))
              results.push(prepared.right.read())
            }
            expect(results[1]).toEqual(results[0])
            return results[0]
          })
          const expected = sizes.map((_, leaf) =>
            sumInOrder(all.map((shards) => foldTree(addRounded)(shards.map((arrays) => arrays[leaf]))))
          )
          expect(sums).toEqual(sums.map(() => expected))
        }
      )
    ))

  it('is refused where the shards cannot be divided', async () => {
    const pool = inProcess(reference({ floats: 'float32' }))
    const ranks = { ...solo, rank: 1, ranks: 3 }
    expect(await prepareShardedSum(pool, 'test', twoLeaves(), [], 4, { ranks })()).toEqual(
      E.left({ _tag: 'WrongRankCount', found: 3, shards: 4 })
    )
  })

  it('takes the inputs of all shards, and says of one of its own by its number among all', async () => {
    const ranks = { ...solo, rank: 1, ranks: 2 }
    const pool = inProcess(reference({ floats: 'float32' }))
    const prepared = await prepareShardedSum(pool, 'test', twoLeaves(), [], 4, { ranks })()
    if (E.isLeft(prepared)) throw new Error('the sum was not prepared')
    const [good, bad] = [[Float32Array.of(1, 2, 3)], [Float32Array.of(1)]]
    expect(prepared.right.write([bad, bad, good, good])()).toEqual(E.right(undefined))
    expect(prepared.right.write([good, good, good, bad])()).toMatchObject(E.left({ where: 'test, shard 3' }))
    expect(prepared.right.write([good, good])()).toMatchObject(E.left({ found: '2 shards', expected: '4' }))
  })

  it('is begun with the parts that are ready while the others are still summed', async () => {
    // Two parts: 4 MiB each are the least.
    const sizes = [2 ** 20, 2 ** 20]
    const events: Array<string> = []
    const pool = inProcess(wasm())
    const oneByOne: Pool = {
      ...pool,
      run:
        (tasks, { done } = {}) =>
        async () => {
          for (const [i, task] of tasks.entries()) {
            const ran = await pool.run([task])()
            if (E.isLeft(ran)) return ran
            events.push(`task ${i} of ${tasks.length}`)
            done?.(i)
            await new Promise((resume) => setImmediate(resume))
          }
          return E.right(undefined)
        }
    }
    const beginSum: typeof solo.beginSum = (arrays) => () => {
      events.push(`sum of ${arrays.map(({ length }) => length).join(' and ')}`)
      return TE.right(undefined)
    }
    const prepared = await prepareShardedSum(oneByOne, 'test', copies(sizes), [], 4, {
      ranks: { ...solo, ranks: 2, beginSum },
      shardsAtOnce: 1
    })()
    if (E.isLeft(prepared)) throw new Error('the sum was not prepared')
    prepared.right.write(Array.from({ length: 4 }, () => sizes.map((n) => new Float32Array(n))))()
    await prepared.right.run([])()
    expect(events).toEqual([
      ...['task 0 of 1', 'task 0 of 1'],
      ...['task 0 of 2', `sum of ${2 ** 20}`, 'task 1 of 2', `sum of ${2 ** 20}`]
    ])
  })
})
