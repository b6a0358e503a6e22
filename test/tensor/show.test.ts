import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { literal } from '../../src/tensor/literal.js'
import { scalar, tensor } from '../../src/tensor/ops/create.js'
import { show } from '../../src/tensor/show.js'
import { anyTensor } from '../arbitraries.js'
import { literalOf } from '../plain.js'

describe('show', () => {
  it('aligns columns and says shape and dtype', () => {
    expect(
      show(
        tensor([
          [1, 2.5],
          [-10, 0]
        ])
      )
    ).toBe(['tensor([[  1, 2.5],', '        [-10,   0]], shape [2, 2], f32)'].join('\n'))
  })

  it('separates the matrices of a stack by an empty line', () => {
    expect(
      show(
        tensor(
          [
            [[1], [2]],
            [[3], [4]]
          ],
          { dtype: 'i32' }
        )
      )
    ).toBe(['tensor([[[1],', '         [2]],', '', '        [[3],', '         [4]]], shape [2, 2, 1], i32)'].join('\n'))
  })

  it('shows scalars, truth values, empty tensors and special numbers', () => {
    expect(show(scalar(3, 'u32'))).toBe('tensor(3, shape [], u32)')
    expect(show(tensor([true, false]))).toBe('tensor([ true, false], shape [2], bool)')
    expect(show(tensor([], { shape: [0, 3] }))).toBe('tensor([], shape [0, 3], f32)')
    expect(show(tensor([NaN, Infinity, -0, 0.1, 1e-7]))).toBe(
      'tensor([     NaN, Infinity,       -0,      0.1,     1e-7], shape [5], f32)'
    )
  })

  it('leaves out the middle of long axes of large tensors', () => {
    const large = literal(
      [1001],
      'i32',
      Array.from({ length: 1001 }, (_, i) => i)
    )
    expect(show(large)).toBe('tensor([   0,    1,    2, ...,  998,  999, 1000], shape [1001], i32)')
    const wide = literal([2, 600], 'u32', new Uint32Array(1200))
    expect(show(wide)).toBe(
      ['tensor([[0, 0, 0, ..., 0, 0, 0],', '        [0, 0, 0, ..., 0, 0, 0]], shape [2, 600], u32)'].join('\n')
    )
  })

  it('shows every element of a small tensor', () => {
    fc.assert(
      fc.property(anyTensor({ maxRank: 3, minExtent: 1 }), (x) => {
        const body = show(literalOf(x)).slice('tensor('.length, -`, shape [${x.shape.join(', ')}], ${x.dtype})`.length)
        const read = body.split(/[[\],\s]+/).filter((word) => word !== '')
        const expected = x.dtype === 'bool' ? x.values.map((v) => String(v === 1)) : x.values.map(Number)
        // Hundredths below 10 have at most three digits, and integers are shown whole.
        expect(x.dtype === 'bool' ? read : read.map((word) => Math.fround(Number(word)))).toEqual(
          x.dtype === 'bool' ? expected : expected.map((v) => Math.fround(Number(v)))
        )
      })
    )
  })
})
