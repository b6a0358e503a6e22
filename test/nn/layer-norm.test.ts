import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { layerNorm } from '../../src/nn/layer-norm.js'
import { assertGradients, tensorOf } from '../../src/testing/index.js'
import { distance, doubles, real, reals, singleValues, values } from './double.js'

const plain = (x: ReadonlyArray<number>, eps: number) =>
  layerNorm({ eps })({
    weight: doubles(
      [x.length],
      x.map(() => 1)
    ),
    bias: doubles(
      [x.length],
      x.map(() => 0)
    )
  })(doubles([x.length], x))

const mean = (x: ReadonlyArray<number>): number => x.reduce((s, v) => s + v, 0) / x.length
const variance = (x: ReadonlyArray<number>): number => mean(x.map((v) => (v - mean(x)) ** 2))

/** Rows that are not constant: the decimals in them are 0.01 apart at least. */
const rows = fc.integer({ min: 2, max: 9 }).chain((n) => reals(n).filter((x) => variance(x) > 0))

describe('layerNorm', () => {
  it('gives each row mean 0 and biased variance 1', () => {
    fc.assert(
      fc.property(rows, (x) => {
        const y = values(plain(x, 0))
        expect(Math.abs(mean(y))).toBeLessThan(1e-12)
        expect(Math.abs(variance(y) - 1)).toBeLessThan(1e-12)
      })
    )
  })

  it('does not see a shift or a positive factor of its input', () => {
    fc.assert(
      fc.property(rows, real(), real(10, 400), (x, shift, factor) => {
        const moved = x.map((v) => v * factor + shift)
        // The row's spread is at least 0.003 and its size at most 20, so centring cancels four digits of sixteen.
        expect(distance(values(plain(moved, 0)), values(plain(x, 0)))).toBeLessThan(1e-10)
      })
    )
  })

  it('scales and shifts each column by its weight and bias', () => {
    fc.assert(
      fc.property(reals(6), reals(3), reals(3), (x, weight, bias) => {
        const y = layerNorm({ eps: 1e-5 })({ weight: doubles([3], weight), bias: doubles([3], bias) })(
          doubles([2, 3], x)
        )
        const naive = [x.slice(0, 3), x.slice(3)].flatMap((row) =>
          row.map((v, i) => ((v - mean(row)) / Math.sqrt(variance(row) + 1e-5)) * weight[i] + bias[i])
        )
        // The root of eps is 3e-3: rounding of the centred values, 1e-15, is multiplied by at most 316 and the weight.
        expect(distance(values(y), naive)).toBeLessThan(1e-11)
      })
    )
  })

  it('gives the bias, and no NaN, for a constant row', () => {
    expect(values(plain([2, 2, 2, 2], 1e-12))).toEqual([0, 0, 0, 0])
  })

  it('keeps its digits in float32 where the mean is a thousand times the spread', () => {
    const x = Array.from({ length: 16 }, (_, i) => 1000 + Math.sin(i))
    const stored = x.map(Math.fround)
    // Centring two numbers near 1000 is off by their spacing, 6e-5, over the spread, 0.7; E[x^2] - E[x]^2 would be off by 0.1.
    expect(distance(singleValues(plain(stored, 1e-12)), values(plain(stored, 1e-12)))).toBeLessThan(2e-4)
  })
})

describe('the derivatives, first and second, of layerNorm', () => {
  it('are those of finite differences, for weight, bias and input', () => {
    // Distinct values, so that no row is nearly constant: there the derivatives are as large as 1 / sqrt(eps).
    const args = fc.record({ weight: tensorOf([4]), bias: tensorOf([4]), x: tensorOf([2, 4], { distinct: true }) })
    const spread = args.filter(({ x }) =>
      [values(x).slice(0, 4), values(x).slice(4)].every((row) => variance(row) > 0.1)
    )
    assertGradients(({ x, ...params }) => layerNorm({ eps: 1e-12 })(params)(x), spread, { order: 2 })
  })
})
