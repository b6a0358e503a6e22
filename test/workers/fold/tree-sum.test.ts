import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TensorFault } from '../../../src/tensor/fault.js'
import type { Data } from '../../../src/tensor/dtype.js'
import type { Spec } from '../../../src/tensor/program/program.js'
import { allocateOutputs } from '../../../src/tensor/run/arrays.js'
import { reference } from '../../../src/tensor/run/reference/reference.js'
import { addInTree, foldTree, treeSumProgram } from '../../../src/workers/fold/tree-sum.js'

/** The definition, word for word: [lo, hi) splits at the largest power of two below hi - lo. */
const naive = (lo: number, hi: number): string => {
  if (hi - lo === 1) return String(lo)
  const below = [64, 32, 16, 8, 4, 2, 1].filter((power) => power < hi - lo)[0]
  return `(${naive(lo, lo + below)}+${naive(lo + below, hi)})`
}

const shards = fc.integer({ min: 1, max: 17 })

const run = (specs: ReadonlyArray<Spec>, sets: ReadonlyArray<ReadonlyArray<Data>>): ReadonlyArray<Data> => {
  const program = treeSumProgram(specs, sets.length)
  const loaded = reference({ floats: 'float32' }).load(program)
  if (E.isLeft(loaded)) throw new Error('the reference device refused a sum')
  const outputs = allocateOutputs(program, 'float32')
  expect(loaded.right.run(sets.flat(), outputs)()).toEqual(E.right(undefined))
  return outputs
}

describe('the fixed tree', () => {
  it('is the one that its definition draws', () => {
    for (let n = 1; n <= 64; n++)
      expect(foldTree((a: string, b: string) => `(${a}+${b})`)(Array.from({ length: n }, (_, i) => String(i)))).toBe(
        naive(0, n)
      )
  })

  it('is drawn for five', () => {
    expect(foldTree((a: string, b: string) => `(${a}+${b})`)(['0', '1', '2', '3', '4'])).toBe('(((0+1)+(2+3))+4)')
  })

  it('of nothing is a fault', () => {
    expect(() => foldTree((a: number) => a)([])).toThrow(TensorFault)
  })
})

describe('the program of a tree sum', () => {
  it('adds integers exactly, wrapping, whatever the number of shards', () => {
    fc.assert(
      fc.property(
        shards.chain((n) => fc.array(fc.int32Array({ minLength: 4, maxLength: 4 }), { minLength: n, maxLength: n })),
        (sets) => {
          const expected = Int32Array.from({ length: 4 }, (_, i) => sets.reduce((n, set) => (n + set[i]) | 0, 0))
          expect(
            run(
              [{ shape: [2, 2], dtype: 'i32' }],
              sets.map((set) => [set])
            )
          ).toEqual([expected])
        }
      )
    )
  })

  it('adds f32 in the order of the tree, rounding after each addition', () => {
    const reals = fc.integer({ min: -(2 ** 30), max: 2 ** 30 }).map((n) => Math.fround(n / 1000))
    fc.assert(
      fc.property(fc.array(fc.tuple(reals, reals), { minLength: 1, maxLength: 17 }), (pairs) => {
        const total = foldTree((a: number, b: number) => Math.fround(a + b))
        expect(
          run(
            [
              { shape: [], dtype: 'f32' },
              { shape: [1], dtype: 'f32' }
            ],
            pairs.map(([a, b]) => [Float32Array.of(a), Float32Array.of(b)])
          )
        ).toEqual([Float32Array.of(total(pairs.map(([a]) => a))), Float32Array.of(total(pairs.map(([, b]) => b)))])
      })
    )
  })

  it('has the same bits where it is made here and now', () => {
    const dtype = fc.constantFrom('f32' as const, 'i32' as const, 'u32' as const)
    // More than one block of them, and a part of another.
    const length = fc.constantFrom(0, 1, 5, 4096, 9000)
    fc.assert(
      fc.property(dtype, length, fc.integer({ min: 1, max: 9 }), fc.nat(), (kind, size, shards, seed) => {
        const make = { f32: Float32Array, i32: Int32Array, u32: Uint32Array }[kind]
        const value = (i: number): number => Math.sin(seed + i) * 2 ** (kind === 'f32' ? i % 40 : 30)
        const arrays = Array.from({ length: shards }, (_, shard) => {
          const array = new make(size)
          for (let i = 0; i < size; i++) array[i] = value(i * (shard + 1))
          return array
        })
        const into = new make(size)
        addInTree(arrays, into)
        expect([into]).toEqual(
          run(
            [{ shape: [size], dtype: kind }],
            arrays.map((array) => [array])
          )
        )
      })
    )
  })

  it('is another order than from left to right, and the difference shows', () => {
    const sets = [1, 2 ** -24, 2 ** -24, 2 ** -24].map((x) => [Float32Array.of(x)])
    // Left to right each 2^-24 is rounded away; in the tree two of them meet first.
    expect(run([{ shape: [], dtype: 'f32' }], sets)).toEqual([Float32Array.of(1 + 2 ** -23)])
  })

  it('of one shard is that shard', () => {
    expect(run([{ shape: [2], dtype: 'u32' }], [[Uint32Array.of(3, 4)]])).toEqual([Uint32Array.of(3, 4)])
  })

  it.each([0, -1, 1.5])('over %s shards is a fault', (n) => {
    expect(() => treeSumProgram([], n)).toThrow(TensorFault)
  })

  it('of bool is a fault', () => {
    expect(() => treeSumProgram([{ shape: [], dtype: 'bool' }], 2)).toThrow(TensorFault)
  })
})
