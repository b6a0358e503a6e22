import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { blocksOf, evenRuns } from '../../../../src/tensor/program/partition/runs.js'

const weights = fc.array(fc.nat({ max: 1000 }), { maxLength: 40 })

describe('even runs', () => {
  it('are all entries in order, in no more runs than asked for, none of them empty', () => {
    fc.assert(
      fc.property(weights, fc.integer({ min: 1, max: 9 }), (list, count) => {
        const runs = evenRuns(list, count)
        expect(runs.flat()).toEqual(list.map((_, i) => i))
        expect(runs.length).toBeLessThanOrEqual(count)
        expect(runs.every((run) => run.length > 0)).toBe(true)
      })
    )
  })

  it('weigh no more than their share and the heaviest entry', () => {
    fc.assert(
      fc.property(weights, fc.integer({ min: 1, max: 9 }), (list, count) => {
        const total = list.reduce((a, b) => a + b, 0)
        const share = total / count + Math.max(0, ...list)
        for (const run of evenRuns(list, count))
          expect(run.reduce((sum, i) => sum + list[i], 0)).toBeLessThanOrEqual(share)
      })
    )
  })
})

describe('blocks', () => {
  it('are all elements in order, each block as long as asked for but the last', () => {
    fc.assert(
      fc.property(fc.nat({ max: 500 }), fc.integer({ min: 1, max: 50 }), (size, length) => {
        const blocks = blocksOf(size, length)
        const elements = blocks.flatMap(({ start, size: n }) => Array.from({ length: n }, (_, i) => start + i))
        expect(elements).toEqual(Array.from({ length: size }, (_, i) => i))
        expect(blocks.slice(0, -1).every(({ size: n }) => n === length)).toBe(true)
      })
    )
  })
})
