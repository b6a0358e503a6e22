import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { embedding } from '../../src/nn/embedding.js'
import { square, sub, TensorFault } from '../../src/tensor/index.js'
import { assertGradients, tensorOf } from '../../src/testing/index.js'
import { doubles, integers, reals, values } from './double.js'

describe('embedding', () => {
  it('is the row of each id, in the ids shape with the width behind', () => {
    const cases = fc.record({ table: reals(5 * 3), ids: fc.array(fc.nat(4), { minLength: 6, maxLength: 6 }) })
    fc.assert(
      fc.property(cases, ({ table, ids }) => {
        const y = embedding({ weight: doubles([5, 3], table) })(integers([2, 3], ids))
        expect(y.shape).toEqual([2, 3, 3])
        expect(values(y)).toEqual(ids.flatMap((id) => table.slice(3 * id, 3 * id + 3)))
      })
    )
  })

  it('reads zeros for a computed id outside the table, and refuses one that is known', () => {
    const read = embedding({ weight: doubles([2, 2], [1, 2, 3, 4]) })
    expect(values(read(sub(1)(integers([3], [0, 2, 3]))))).toEqual([0, 0, 3, 4, 0, 0])
    expect(() => read(integers([3], [-1, 1, 2]))).toThrow(TensorFault)
  })

  it('refuses ids that are not integers', () => {
    expect(() => embedding({ weight: doubles([2, 1], [1, 2]) })(doubles([1], [0]))).toThrow(TensorFault)
  })
})

describe('the derivatives, first and second, of embedding', () => {
  it('are those of finite differences, also where ids repeat and where they are outside the table', () => {
    const args = fc.record({ weight: tensorOf([3, 2]), ids: tensorOf([2, 3], { dtype: 'i32', min: 0, max: 4 }) })
    assertGradients(({ ids, ...params }) => square(embedding(params)(sub(1)(ids))), args, { order: 2 })
  })
})
