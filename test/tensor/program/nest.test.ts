import { describe, expect, it } from 'vitest'
import type { Loop } from '../../../src/tensor/program/kernel.js'
import { nestOf } from '../../../src/tensor/program/nest.js'

/** A sum over the last `reduced` of `extents`, of one array with the given strides. */
const sumOf = (extents: ReadonlyArray<number>, reduced: number, strides: ReadonlyArray<number>): Loop => ({
  _tag: 'loop',
  extents: extents.slice(0, extents.length - reduced),
  reduce: { fn: 'sum', extents: extents.slice(extents.length - reduced) },
  body: [{ _tag: 'load', dtype: 'f32', buffer: 0, at: { offset: 0, strides } }],
  out: { buffer: 1, at: { offset: 0, strides: extents.slice(0, extents.length - reduced).map(() => 1) } }
})

describe('nestOf', () => {
  it('sums rows one at a time', () => {
    expect(nestOf(sumOf([64, 32], 1, [32, 1]))).toEqual({ _tag: 'fold', outer: [0], reduced: [1] })
  })

  it('sums columns row by row', () => {
    expect(nestOf(sumOf([32, 64], 1, [1, 32]))).toEqual({ _tag: 'columns', outer: [], reduced: [1], column: 0 })
  })

  it('keeps one accumulator where neither axis is closer', () => {
    expect(nestOf(sumOf([64, 64], 1, [1, 1]))).toEqual({ _tag: 'fold', outer: [0], reduced: [1] })
  })

  it('sums a few columns each on its own', () => {
    expect(nestOf(sumOf([2, 64], 1, [1, 2]))).toEqual({ _tag: 'fold', outer: [0], reduced: [1] })
  })

  it('walks the closest of several reduced axes innermost', () => {
    expect(nestOf(sumOf([16, 64, 32], 2, [2048, 1, 64]))).toEqual({ _tag: 'fold', outer: [0], reduced: [2, 1] })
  })
})
