import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { lower } from '../../src/tensor/program/lower.js'
import { reference } from '../../src/tensor/run/reference.js'
import { binaryNode, broadcastNode, inputNode } from '../../src/tensor/tensor.js'
import { literal } from '../../src/tensor/literal.js'
import { inProcess } from '../../src/workers/in-process.js'
import { allocateSlots, readSlots, writeSlots } from '../../src/workers/memory.js'
import { prepareShardedSum } from '../../src/workers/sharded-sum.js'
import { foldTree } from '../../src/workers/tree-sum.js'

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
        const slots = allocateSlots('float32', [spec])()
        if (E.isLeft(prepared) || E.isLeft(slots)) throw new Error('the sum was not prepared')
        writeSlots('shared', slots.right, [Float32Array.of(offset)])()
        expect(prepared.right.write(data)()).toEqual(E.right(undefined))
        expect(await prepared.right.run(slots.right)()).toEqual(E.right(undefined))
        expect(readSlots(prepared.right.sums)()).toEqual(
          sizes.map((_, leaf) =>
            foldTree(addRounded)(data.map((arrays) => arrays[leaf].map((x) => x + offset).map((x) => x + 0.5)))
          )
        )
      })
    ))
})
