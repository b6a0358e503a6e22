import { describe, expect, it } from 'vitest'
import {
  countParameters,
  glorotUniform,
  initialise,
  ones,
  parameter,
  truncatedNormal,
  zeros
} from '../../src/nn/initialiser.js'
import { TensorFault } from '../../src/tensor/index.js'
import { key } from '../../src/tensor/random.js'
import { values } from './double.js'

const moments = (xs: ReadonlyArray<number>): { readonly mean: number; readonly std: number } => {
  const mean = xs.reduce((s, x) => s + x, 0) / xs.length
  return { mean, std: Math.sqrt(xs.reduce((s, x) => s + (x - mean) ** 2, 0) / xs.length) }
}

describe('truncatedNormal', () => {
  it('at 0.02 has standard deviation 0.01759, mean 0, and nothing beyond 0.04', () => {
    const n = 200_000
    const draws = values(truncatedNormal(0.02)(key(11), [n / 100, 100]))
    const { mean, std } = moments(draws)
    // Five standard errors: std / sqrt(n) of the mean, at most std / sqrt(2 n) of the std (the tails are cut).
    expect(Math.abs(mean)).toBeLessThan((5 * 0.0176) / Math.sqrt(n))
    expect(Math.abs(std - 0.0175925)).toBeLessThan((5 * 0.0176) / Math.sqrt(2 * n))
    expect(draws.every((x) => Math.abs(x) <= 0.04)).toBe(true)
    expect(draws.some((x) => Math.abs(x) > 0.0399)).toBe(true)
  })

  it('has as much mass within one sigma of the normal as it should', () => {
    const n = 100_000
    const draws = values(truncatedNormal(1)(key(12), [n]))
    // P(|z| < 1) / P(|z| < 2) = 0.6826895 / 0.9544997
    const expected = 0.6826895 / 0.9544997
    const share = draws.filter((x) => Math.abs(x) < 1).length / n
    expect(Math.abs(share - expected)).toBeLessThan(5 * Math.sqrt((expected * (1 - expected)) / n))
  })
})

describe('glorotUniform', () => {
  it('fills [-b, b) evenly, b = sqrt(6 / (inputs + outputs))', () => {
    const b = Math.sqrt(6 / 500)
    const draws = values(glorotUniform(key(13), [200, 300]))
    const { mean, std } = moments(draws)
    expect(draws.every((x) => x >= -b && x < b)).toBe(true)
    expect(Math.abs(mean)).toBeLessThan((5 * std) / Math.sqrt(draws.length))
    // A uniform's standard deviation is b / sqrt 3, and its estimate's standard error b sqrt(1 / (15 n)).
    expect(Math.abs(std - b / Math.sqrt(3))).toBeLessThan(5 * b * Math.sqrt(1 / (15 * draws.length)))
  })

  it('is for matrices only', () => {
    expect(() => glorotUniform(key(1), [3])).toThrow(TensorFault)
  })
})

describe('initialise', () => {
  const block = {
    dense: { weight: parameter([2, 3], truncatedNormal(0.02)), bias: parameter([2], zeros) },
    LayerNorm: { weight: parameter([2], ones), bias: parameter([2], zeros) }
  }

  it('puts a tensor of its shape where each description was', () => {
    const params = initialise(key(1))(block)
    expect(params.dense.weight.shape).toEqual([2, 3])
    expect(values(params.dense.bias)).toEqual([0, 0])
    expect(values(params.LayerNorm.weight)).toEqual([1, 1])
  })

  it('draws each parameter by its path alone: a new sibling, or another order, changes no other', () => {
    const alone = initialise(key(1))({ b: block })
    const more = initialise(key(1))({ a: block, b: { ...block, extra: parameter([4], truncatedNormal(1)) } })
    expect(values(more.b.dense.weight)).toEqual(values(alone.b.dense.weight))
    expect(values(more.a.dense.weight)).not.toEqual(values(more.b.dense.weight))
  })

  it('draws others with another key', () => {
    expect(values(initialise(key(2))(block).dense.weight)).not.toEqual(values(initialise(key(1))(block).dense.weight))
  })

  it('and its descriptions can be counted without drawing anything', () => {
    expect(countParameters({ layers: [block, block] })).toBe(2 * (6 + 2 + 2 + 2))
  })
})
