import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { topK } from '../../../../src/electra/tasks/heads/top-k.js'
import { tensor } from '../../../../src/tensor/index.js'
import { numbers } from '../../../../src/testing/index.js'
import { numbersByPath } from '../../objective/cases.js'

describe('topK', () => {
  it('is the start of each row sorted from the largest down, equal ones in their order', () => {
    const rows = fc
      .integer({ min: 1, max: 7 })
      .chain((n) =>
        fc.array(fc.array(numbers({ min: -2, max: 2 }), { minLength: n, maxLength: n }), { minLength: 1, maxLength: 3 })
      )
    fc.assert(
      fc.property(rows, fc.integer({ min: 1, max: 9 }), (values, k) => {
        const found = numbersByPath(topK(k)(tensor(values)))
        const sorted = values.map((row) =>
          row
            .map((value, index) => ({ value: Math.fround(value), index }))
            .sort((a, b) => b.value - a.value || a.index - b.index)
            .slice(0, k)
        )
        expect(found.get('indices')).toEqual(sorted.flat().map(({ index }) => index))
        expect(found.get('values')?.map(Math.fround)).toEqual(sorted.flat().map(({ value }) => value))
      }),
      { numRuns: 40 }
    )
  })
})
