import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { activations, gelu, geluTanh, silu } from '../../src/nn/activation.js'
import { assertGradients, tensors } from '../../src/testing/index.js'
import { distance, doubles, real, rounding, values } from './double.js'

const at = (f: typeof gelu, x: number): number => values(f(doubles([], [x])))[0]

describe('gelu', () => {
  it.each([
    [-3, -0.004049694095],
    [-1, -0.158655253931],
    [0, 0],
    [0.5, 0.345731230637],
    [1, 0.841344746069],
    [3, 2.995950305905]
  ])('at %f is %f, to the twelve digits of its published values', (x, y) => {
    expect(Math.abs(at(gelu, x) - y)).toBeLessThan(1e-12)
  })

  it('differs from its reflection by the identity: gelu(x) - gelu(-x) = x', () => {
    fc.assert(fc.property(real(), (x) => Math.abs(at(gelu, x) - at(gelu, -x) - x) < rounding))
  })

  it('is x far above 0 and 0 far below', () => {
    expect(at(gelu, 40)).toBe(40)
    expect(at(gelu, -40) + 0).toBe(0)
  })
})

describe('geluTanh', () => {
  it('is within 4.733e-4 of the exact form everywhere, and that far from it near 2.70', () => {
    const grid = Array.from({ length: 1201 }, (_, i) => (i - 600) / 100)
    const exact = values(gelu(doubles([grid.length], grid)))
    const gap = values(geluTanh(doubles([grid.length], grid))).map((y, i) => Math.abs(y - exact[i]))
    const largest = Math.max(...gap)
    expect(largest).toBeLessThan(4.733e-4)
    expect(largest).toBeGreaterThan(4.731e-4)
    expect(Math.abs(grid[gap.indexOf(largest)])).toBeCloseTo(2.7, 1)
  })
})

describe('silu', () => {
  it('is x / (1 + exp(-x))', () => {
    fc.assert(fc.property(real(), (x) => distance([at(silu, x)], [x / (1 + Math.exp(-x))]) < rounding))
  })
})

describe('activations', () => {
  it('go by the names of Hugging Face configurations', () => {
    expect(activations.gelu).toBe(gelu)
    expect(activations.gelu_new).toBe(geluTanh)
    expect(at(activations.relu, -2)).toBe(0)
    expect(at(activations.relu, 2)).toBe(2)
    expect(at(activations.tanh, 0.5)).toBeCloseTo(Math.tanh(0.5), 14)
  })
})

describe('the derivatives, first and second, of', () => {
  it.each(Object.entries(activations))('%s are those of finite differences', (name, f) => {
    // relu has a kink at 0; everything else is smooth there too.
    assertGradients(f, tensors({ maxRank: 2, except: name === 'relu' ? [0] : [] }), { order: 2 })
  })
})
