import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { roundHalfToEven } from '../../src/electra/rounding.js'

describe('rounding half to even', () => {
  it('agrees with rounding wherever there is no tie', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1e6, max: 1e6 }), (n) => {
        const x = n / 1000
        fc.pre(Math.abs(x % 1) !== 0.5)
        expect(roundHalfToEven(x)).toBeCloseTo(Math.round(x), 12)
      })
    )
  })

  it('goes to the even neighbour of a tie', () => {
    expect([-1.5, 0.5, 1.5, 2.5, 3.5].map(roundHalfToEven)).toEqual([-2, 0, 2, 2, 4])
  })
})
