import fc from 'fast-check'
import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import { own } from '../../../src/tensor/run/own.js'
import type { Contraction, StridedMatrix } from '../../../src/tensor/run/multiplier.js'
import { sizeOf, stridesOf, type Shape } from '../../../src/tensor/shape.js'

/** Every element as the sum over k in order, in doubles, rounded once. */
const naive = (
  { batch, m, n, k, left: l, right: r }: Contraction,
  left: Float32Array,
  right: Float32Array
): Float32Array => {
  const out = new Float32Array(sizeOf(batch) * m * n)
  const strides = stridesOf(batch)
  for (let b = 0; b < sizeOf(batch); b++) {
    const index = batch.map((d, axis) => Math.floor(b / strides[axis]) % d)
    const start = (x: StridedMatrix): number => index.reduce((at, i, axis) => at + i * x.batch[axis], x.offset)
    const [la, ra] = [start(l), start(r)]
    for (let i = 0; i < m; i++)
      for (let j = 0; j < n; j++) {
        let sum = 0
        for (let p = 0; p < k; p++) sum += left[la + i * l.row + p * l.column] * right[ra + p * r.row + j * r.column]
        out[(b * m + i) * n + j] = sum
      }
  }
  return out
}

/** A batch of matrices stored densely in either order, or one matrix for the whole batch. */
const stored = (batch: Shape, rows: number, columns: number, transposed: boolean, repeated: boolean): StridedMatrix => {
  const strides = stridesOf([...batch, rows, columns])
  return {
    offset: 2,
    batch: batch.map((_, axis) => (repeated ? 0 : strides[axis])),
    row: transposed ? 1 : columns,
    column: transposed ? rows : 1
  }
}

const contractions = fc
  .record({
    batch: fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 2 }),
    m: fc.integer({ min: 1, max: 20 }),
    n: fc.integer({ min: 1, max: 20 }),
    k: fc.integer({ min: 1, max: 20 }),
    flags: fc.array(fc.boolean(), { minLength: 4, maxLength: 4 })
  })
  .map(({ batch, m, n, k, flags }): Contraction => ({
    batch,
    m,
    n,
    k,
    left: stored(batch, m, k, flags[0], flags[1]),
    right: stored(batch, k, n, flags[2], flags[3])
  }))

const values = (size: number, seed: number): Float32Array =>
  Float32Array.from({ length: size + 2 }, (_, i) => Math.sin(seed + i * 1.3) * 3)

const multiplied = (c: Contraction, seed: number): readonly [Float32Array, Float32Array] => {
  const left = values(sizeOf([...c.batch, c.m, c.k]), seed)
  const right = values(sizeOf([...c.batch, c.k, c.n]), seed + 0.5)
  const out = new Float32Array(sizeOf([...c.batch, c.m, c.n])).fill(NaN)
  const multiply = own().prepare(c)
  if (E.isLeft(multiply)) throw new Error(multiply.left._tag)
  expect(multiply.right(left, right, out)()).toEqual(E.right(undefined))
  return [out, naive(c, left, right)]
}

describe('own', () => {
  it('is the ordered sum in doubles, rounded once, bit for bit, whatever the strides', () => {
    fc.assert(
      fc.property(contractions, fc.integer({ min: 0, max: 99 }), (c, seed) => {
        const [found, expected] = multiplied(c, seed)
        expect(found).toEqual(expected)
      })
    )
  })

  it.each([
    [97, 65, 257],
    [200, 3, 600],
    [1, 130, 5],
    [96, 64, 256]
  ])('is that for %i x %i over %i, at the edges of its blocks', (m, n, k) => {
    const c = { batch: [], m, n, k, left: stored([], m, k, false, false), right: stored([], k, n, true, false) }
    const [found, expected] = multiplied(c, 1)
    expect(found).toEqual(expected)
  })
})
