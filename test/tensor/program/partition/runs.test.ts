import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { evenRuns, partsFor } from '../../../../src/tensor/program/partition/runs.js'

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

describe('the parts of work', () => {
  it('are one for little, and never more for less', () => {
    expect(partsFor(0)).toBe(1)
    expect(partsFor(2 ** 23)).toBe(2)
    fc.assert(
      fc.property(fc.nat(2 ** 30), fc.nat(2 ** 30), (a, b) => {
        expect(partsFor(Math.min(a, b))).toBeLessThanOrEqual(partsFor(Math.max(a, b)))
      })
    )
  })
})
