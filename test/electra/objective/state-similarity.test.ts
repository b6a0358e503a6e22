import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { similarityMetrics } from '../../../src/electra/objective/state-similarity.js'
import { tensor } from '../../../src/tensor/index.js'
import { numbersOf } from './cases.js'

type Row = { readonly mask: ReadonlyArray<number>; readonly states: ReadonlyArray<ReadonlyArray<number>> }

const [length, width] = [5, 3]

const state = fc.array(fc.double({ min: -3, max: 3, noNaN: true }), { minLength: width, maxLength: width })

const row = fc.record({
  mask: fc.array(fc.constantFrom(0, 1), { minLength: length, maxLength: length }),
  states: fc.array(
    state.filter((x) => Math.hypot(...x) > 0.1),
    { minLength: length, maxLength: length }
  )
})

const cosine = (a: ReadonlyArray<number>, b: ReadonlyArray<number>) =>
  a.reduce((sum, x, i) => sum + x * b[i], 0) / (Math.hypot(...a) * Math.hypot(...b))

const sumsOf = (rows: ReadonlyArray<Row>) => {
  const mask = tensor(Int32Array.from(rows.flatMap((r) => r.mask)), { shape: [rows.length, length] })
  const hidden = tensor(Float32Array.from(rows.flatMap((r) => r.states.flat())), {
    shape: [rows.length, length, width]
  })
  const { stateSimilarity, similarityRows } = similarityMetrics(mask)(hidden)
  return { similarity: numbersOf(stateSimilarity)[0], rows: numbersOf(similarityRows)[0] }
}

describe('the similarity of states', () => {
  it('is the mean of the cosines of all pairs of real tokens of a row, summed over the rows that have pairs', () => {
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 4 }), (rows) => {
        const means = rows.flatMap(({ mask, states }) => {
          const real = states.filter((_, i) => mask[i] === 1)
          const pairs = real.flatMap((a, i) => real.flatMap((b, j) => (i === j ? [] : [cosine(a, b)])))
          return pairs.length === 0 ? [] : [pairs.reduce((x, y) => x + y, 0) / pairs.length]
        })
        const found = sumsOf(rows)
        expect(found.rows).toBe(means.length)
        expect(Math.abs(found.similarity - means.reduce((x, y) => x + y, 0))).toBeLessThan(1e-5)
      })
    )
  })

  it('is 1 where all states point the same way, however long they are, and takes a state of zeros for none', () => {
    const along = (factors: ReadonlyArray<number>): Row => ({
      mask: [1, 1, 1, 0, 0],
      states: factors.map((x) => [x, 2 * x, -x])
    })
    expect(sumsOf([along([1, 3, 0.5, -2, 7])]).similarity).toBeCloseTo(1, 6)
    expect(sumsOf([along([0, 0, 0, 1, 1])]).similarity).toBe(0)
  })
})
