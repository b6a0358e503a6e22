import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isLiteral, literal } from '../../src/tensor/literal.js'
import { exp } from '../../src/tensor/ops/arithmetic.js'
import { toTypedArray } from '../../src/tensor/values.js'
import { anyTensor } from '../arbitraries.js'
import { faultOf, literalOf, plainOf } from '../plain.js'

describe('literal', () => {
  it('gives back what went in', () => {
    fc.assert(
      fc.property(anyTensor(), (x) => {
        expect(plainOf(literalOf(x))).toEqual(x)
      })
    )
  })

  it('cannot be changed from outside: not through the source, not through a copy, not through the record', () => {
    const source = Float32Array.of(1, 2, 3)
    const shape = [3]
    const x = literal(shape, 'f32', source)
    source.fill(9)
    shape[0] = 7
    toTypedArray(x).fill(9)
    expect(plainOf(x)).toEqual({ shape: [3], dtype: 'f32', values: [1, 2, 3] })
    expect([x, x.op, x.inputs, x.shape].every(Object.isFrozen)).toBe(true)
  })

  it('of too many or too few values is a fault', () => {
    expect(faultOf(() => literal([2], 'f32', [1]))).toEqual({
      _tag: 'InvalidArgument',
      op: 'tensor',
      found: '1 values',
      expected: '2 for shape [2]'
    })
  })

  it('is told apart from other expressions', () => {
    const x = literal([1], 'f32', [1])
    expect([isLiteral(x), isLiteral(exp(x))]).toEqual([true, false])
  })
})
