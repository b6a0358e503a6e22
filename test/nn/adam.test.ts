import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { scaleByAdam, type AdamOptions } from '../../src/nn/adam.js'
import { scalar, type Tensor } from '../../src/tensor/index.js'
import { tensorsOf } from '../../src/tensor/tree.js'
import { assertGradients, tensorOf } from '../../src/testing/index.js'
import { distance, doubles, real, singleValues, values } from './double.js'

const usual: AdamOptions = { b1: 0.9, b2: 0.999, eps: 1e-6, biasCorrection: true }

const update = (options: AdamOptions, g: Tensor, mu: Tensor, nu: Tensor, step: number): Tensor => {
  const [updates] = scaleByAdam(options).update({ g }, { mu: { g: mu }, nu: { g: nu } }, { g }, { step: scalar(step) })
  return tensorsOf(updates)[0]
}

const zero = doubles([], [0])

describe('scaleByAdam', () => {
  it('starts with moments of 0 in the shapes of the parameters', () => {
    const { mu, nu } = scaleByAdam(usual).init({ w: doubles([2], [5, 6]) })
    expect([mu, nu].map((tree) => tensorsOf(tree).flatMap(values))).toEqual([
      [0, 0],
      [0, 0]
    ])
  })

  it('with bias correction makes a first gradient its sign, but for eps', () => {
    fc.assert(
      fc.property(
        real().filter((g) => g !== 0),
        (g) => {
          const [u] = values(update(usual, doubles([], [g]), zero, zero, 0))
          expect(distance([u], [g / (Math.abs(g) + 1e-6)])).toBeLessThan(1e-12)
        }
      )
    )
  })

  it('without it steps 3.16 times as far at first, at most 6.57 times and at the twelfth, 1.26 times at the thousandth', () => {
    const ratio = (t: number): number => {
      // Moments after t equal gradients of 1.
      const [mu, nu] = [doubles([], [1 - 0.9 ** (t - 1)]), doubles([], [1 - 0.999 ** (t - 1)])]
      const at = (biasCorrection: boolean): number =>
        values(update({ ...usual, eps: 0, biasCorrection }, doubles([], [1]), mu, nu, t - 1))[0]
      return at(false) / at(true)
    }
    expect([1, 100, 1000].map((t) => ratio(t).toFixed(2))).toEqual(['3.16', '3.24', '1.26'])
    const early = Array.from({ length: 50 }, (_, i) => ratio(i + 1))
    expect(Math.max(...early).toFixed(2)).toBe('6.57')
    expect(early.indexOf(Math.max(...early))).toBe(11)
  })

  it('keeps its digits in float32 where b2 is close to 1', () => {
    // The first step divides by 1 - 0.999; as 1 - pow(b, t) in float32 it would be off by 6e-5, here by some 2^-24.
    const u = singleValues(update({ ...usual, eps: 0 }, doubles([], [1]), zero, zero, 0))[0]
    expect(Math.abs(u - 1)).toBeLessThan(10 * 2 ** -24)
  })
})

describe('the derivatives, first and second, of an update', () => {
  it.each([true, false])('with bias correction %s are those of finite differences', (biasCorrection) => {
    const args = fc.record({
      g: tensorOf([3], { min: 0.5, max: 2 }),
      mu: tensorOf([3]),
      nu: tensorOf([3], { min: 0.5, max: 2 })
    })
    assertGradients(({ g, mu, nu }) => update({ ...usual, biasCorrection }, g, mu, nu, 3), args, { order: 2 })
  })
})
