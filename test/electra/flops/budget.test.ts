import fc from 'fast-check'
import { expect, it } from 'vitest'
import { stepsWithin } from '../../../src/electra/flops/budget.js'

const perStep = fc.double({ min: 1, max: 1e18, noNaN: true })
const steps = fc.integer({ min: 0, max: 2 ** 40 })

it('as many steps fit as a run of them takes, and not one more', () => {
  fc.assert(
    fc.property(perStep, steps, fc.double({ min: 0, max: 1, noNaN: true }), (each, n, more) => {
      const fitting = stepsWithin((n + more) * each, each)
      expect(fitting * each).toBeLessThanOrEqual((n + more) * each)
      expect((fitting + 1) * each).toBeGreaterThan((n + more) * each)
    })
  )
})

it('the count of a run is the budget of that run', () => {
  fc.assert(
    fc.property(perStep, steps, (each, n) => {
      expect(stepsWithin(n * each, each)).toBe(n)
    })
  )
  // Whose quotient rounds to less than 107,399.
  expect(stepsWithin(107_399 * 42_940_769_820_160, 42_940_769_820_160)).toBe(107_399)
  expect(stepsWithin(1.293743798272e18, 1.293743798272e12)).toBe(1_000_000)
})

it('no step fits where one takes more', () => {
  fc.assert(
    fc.property(perStep, (each) => {
      expect(stepsWithin(each * 0.999, each)).toBe(0)
    })
  )
})
