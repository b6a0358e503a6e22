/**
 * After an `OutOfMemory` everything that fits works, whatever was asked for before, in whatever way.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  add,
  broadcastTo,
  matmul,
  reshape,
  spec,
  sum,
  tensor,
  toScalar,
  type Tensor
} from '../../../../src/tensor/index.js'
import { trace } from '../../../../src/tensor/program/trace.js'
import { compile } from '../../../../src/tensor/run/compile.js'
import { evaluate } from '../../../../src/tensor/run/evaluate.js'
import { createMemory } from '../../../../src/tensor/run/memory/memory.js'
import { explain } from '../../../../src/tensor/program/explain.js'
import { wasm } from '../../../../src/tensor/run/wasm/wasm.js'
import type { WorkerError } from '../../../../src/workers/error.js'
import { pooledFold } from '../../../../src/workers/fold/pooled-fold.js'
import { inProcess } from '../../../../src/workers/pool/in-process.js'
import { acquirePool } from '../../../../src/workers/pool/threads.js'
import type { Pool } from '../../../../src/workers/pool/pool.js'
import { built } from '../../../built.js'

const limit = 2 ** 20

const right = <L, A>(e: E.Either<L, A>): A => {
  if (E.isLeft(e)) throw new Error(JSON.stringify(e.left))
  return e.right
}

const device = () => wasm({ memory: right(createMemory({ limit })) })

/** A number from another, by a product of `size` elements, which are stored. */
const through =
  (size: number) =>
  (x: Tensor): Tensor =>
    pipe(x, broadcastTo([size, 1]), matmul(reshape([1, 1])(x)), sum())

const programOf = (size: number) => right(trace(through(size))(spec([]))).program

/** Elements of f32, few or too many. */
const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 2 ** 10 }), fc.integer({ min: 2 ** 18, max: 2 ** 28 })), {
  minLength: 1,
  maxLength: 5
})

const outOfMemory = E.left({ _tag: 'OutOfMemory' })

describe('a device that a program was too large for', () => {
  it('compiles it, and refuses to run that one alone, with the numbers, however often it is evaluated', () => {
    fc.assert(
      fc.property(sizes, (all) => {
        const on = device()
        const valueOf = evaluate(on)
        all.forEach((size, i) => {
          expect(explain(right(on.load(programOf(size))))).toContain(`product m ${size}, `)
          const value = valueOf(through(size)(tensor(-i)))
          if (size > 2 ** 10) expect(value).toMatchObject(E.left({ _tag: 'OutOfMemory', limit }))
          else expect(E.isRight(value)).toBe(true)
        })
        expect(toScalar(right(valueOf(add(1)(tensor(2)))))).toBe(3)
      }),
      { numRuns: 20 }
    )
  })

  it('compiles and steps what fits', async () => {
    const on = device()
    const step = (x: Tensor): readonly [Tensor, Tensor] => [add(1)(x), sum()(x)]
    for (const size of [2 ** 18, 2 ** 17, 2 ** 20]) {
      const compiled = await compile(step, on)(spec([size]))()
      const begun = E.isLeft(compiled) ? compiled : await compiled.right.begin(tensor(new Float32Array(size)))()
      const stepped = E.isLeft(begun) || E.isLeft(compiled) ? begun : await compiled.right.step(begun.right)()
      expect(stepped).toMatchObject(outOfMemory)
    }
    const compiled = right(await compile(step, on)(spec([2 ** 10]))())
    const begun = right(await compiled.begin(tensor(new Float32Array(2 ** 10).fill(1)))())
    expect(toScalar(right(await compiled.step(begun)()).output)).toBe(2 ** 10)
  })
})

const foldOf = (size: number) => {
  const state = { shape: [size], dtype: 'f32' } as const
  const shardGrad = right(trace((w: Tensor, x: Tensor): Tensor => add(x)(w))(spec([size]), spec([])))
  const update = right(trace((w: Tensor, g: Tensor): Tensor => add(g)(w))(spec([state.shape[0]]), spec([size])))
  return { shards: 2, state: 1, reads: [0], gradients: 1, shardGrad, update }
}

const stepped = (pool: Pool, size: number): TE.TaskEither<WorkerError, number> =>
  pipe(
    pooledFold(pool).make(foldOf(size)),
    TE.chainFirst((fold) => fold.step([[Float32Array.of(1)], [Float32Array.of(2)]], [])),
    TE.chain(({ read }) => read),
    TE.map(([w]) => w[size - 1])
  )

const pools = {
  'in process': () => TE.right<WorkerError, Pool>(inProcess(device())),
  'of threads': () =>
    acquirePool({
      workers: 2,
      choice: { device: 'wasm', matmul: 'own', floats: 'float32' },
      entry: built('workers/pool/thread.js'),
      memoryLimit: limit
    })
}

describe.each(['in process', 'of threads'] as const)('a pool %s', (name) => {
  it('that a fold was too large for gives its memory back, and carries out smaller ones', async () => {
    const pool = right(await pools[name]()())
    const memory = right(pool.memory())
    for (const size of [2 ** 18, 2 ** 16, 2 ** 30]) expect(await stepped(pool, size)()).toMatchObject(outOfMemory)
    const small = memory.inUse()
    expect(await stepped(pool, 2 ** 10)()).toEqual(E.right(3))
    // The words in which two threads count, if any.
    expect(small).toBeLessThan(1024)
    await pool.release()
  })
})
