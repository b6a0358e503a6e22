import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { dropout } from '../../src/nn/dropout.js'
import { foldName } from '../../src/nn/name-key.js'
import { ones, square, TensorFault } from '../../src/tensor/index.js'
import { key } from '../../src/tensor/random.js'
import { assertGradients, tensors } from '../../src/testing/index.js'
import { doubles, real, reals, values } from './double.js'

const seeds = fc.integer({ min: 0, max: 2 ** 32 })

describe('dropout', () => {
  it('with rate 0 or without a key is its argument itself: the graph holds no random bits', () => {
    const x = doubles([3], [1, 2, 3])
    expect(dropout({ rate: 0, key: key(1) })(x)).toBe(x)
    expect(dropout({ rate: 0.1 })(x)).toBe(x)
  })

  it('makes every element 0 or the element over 1 - rate', () => {
    fc.assert(
      fc.property(reals(12), real(1, 99), seeds, (x, rate, seed) => {
        const y = values(dropout({ rate, key: key(seed) })(doubles([12], x)))
        expect(y.every((v, i) => v === 0 || v === x[i] * (1 / (1 - rate)))).toBe(true)
      })
    )
  })

  it.each([0.1, 0.5, 0.9])('at rate %f drops that share, and keeps the expectation', (rate) => {
    const n = 40_000
    const y = values(dropout({ rate, key: key(7) })(ones([n])))
    // Five standard deviations of a binomial share; the seed is fixed, so this passes always or never.
    const bound = 5 * Math.sqrt((rate * (1 - rate)) / n)
    expect(Math.abs(y.filter((v) => v === 0).length / n - rate)).toBeLessThan(bound)
    expect(Math.abs(y.reduce((s, v) => s + v, 0) / n - 1)).toBeLessThan(bound / (1 - rate))
  })

  it('drops the same elements for the same key, and others for another name below it', () => {
    const dropped = (name: string) => values(dropout({ rate: 0.5, key: foldName(name)(key(3)) })(ones([64])))
    expect(dropped('output')).toEqual(dropped('output'))
    expect(dropped('output')).not.toEqual(dropped('attention.output'))
  })

  it.each([-0.1, 1, 1.5, NaN])('refuses the rate %f', (rate) => {
    expect(() => dropout({ rate, key: key(1) })(ones([1]))).toThrow(TensorFault)
  })
})

describe('the derivatives, first and second, of dropout', () => {
  it('are those of finite differences under a fixed key', () => {
    assertGradients((x) => square(dropout({ rate: 0.4, key: key(5) })(x)), tensors(), { order: 2 })
  })
})
