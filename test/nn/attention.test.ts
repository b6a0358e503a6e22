import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { maskBias, selfAttention, selfAttentionSpec, type SelfAttention } from '../../src/nn/attention.js'
import { dense } from '../../src/nn/dense.js'
import { countParameters } from '../../src/nn/initialiser.js'
import { ones, take, TensorFault, tril, triu, type Tensor } from '../../src/tensor/index.js'
import { key } from '../../src/tensor/random.js'
import { assertGradients, tensorOf } from '../../src/testing/index.js'
import { distance, doubles, integers, rounding, singleValues, values } from './double.js'

const [batch, length, heads, size] = [2, 4, 2, 3]
const width = heads * size

const linear = fc.record({
  weight: tensorOf([width, width], { min: -1, max: 1 }),
  bias: tensorOf([width], { min: -1, max: 1 })
})
const params = fc.record({ query: linear, key: linear, value: linear })
const input = tensorOf([batch, length, width], { min: -2, max: 2 })
/** Rows of ones, then zeros; at least one key is there. */
const masks = fc
  .array(fc.integer({ min: 1, max: length }), { minLength: batch, maxLength: batch })
  .map((lengths) => lengths.flatMap((n) => Array.from({ length }, (_, i) => (i < n ? 1 : 0))))
const cases = fc.record({ params, x: input, mask: masks })

const attend = (p: SelfAttention, x: Tensor, mask: ReadonlyArray<number>, pairMask?: Tensor): Tensor =>
  selfAttention({ heads, dropout: 0, pairMask })(p)(x, integers([batch, length], mask))

/** The definition, one number at a time. Keys that are not allowed are left out rather than given -10000. */
const naive = (
  p: SelfAttention,
  x: Tensor,
  isAllowed: (b: number, i: number, j: number) => boolean
): ReadonlyArray<number> => {
  const [q, k, v] = [p.query, p.key, p.value].map((part) => values(dense(part)(x)))
  const at = (from: ReadonlyArray<number>, b: number, i: number, c: number): number =>
    from[(b * length + i) * width + c]
  return Array.from({ length: batch * length * width }, (_, flat) => {
    const [b, i, c] = [Math.floor(flat / (length * width)), Math.floor(flat / width) % length, flat % width]
    const head = Math.floor(c / size) * size
    const weights = Array.from({ length }, (_, j) => {
      const dot = Array.from({ length: size }, (_, s) => at(q, b, i, head + s) * at(k, b, j, head + s))
      return isAllowed(b, i, j) ? Math.exp(dot.reduce((s, t) => s + t, 0) / Math.sqrt(size)) : 0
    })
    const total = weights.reduce((s, w) => s + w, 0)
    return weights.reduce((s, w, j) => s + (w / total) * at(v, b, j, c), 0)
  })
}

describe('maskBias', () => {
  it('is 0 for a key that may be seen and -10000 for one that may not, from any dtype', () => {
    expect(values(maskBias(integers([2], [1, 0]))).map((v) => v + 0)).toEqual([0, -10000])
    expect(values(maskBias(doubles([2], [1, 0]))).map((v) => v + 0)).toEqual([0, -10000])
  })
})

describe('selfAttention', () => {
  it('is softmax(Q K^T / sqrt(s)) V over the real keys, head by head', () => {
    fc.assert(
      fc.property(cases, ({ params: p, x, mask }) => {
        const y = attend(p, x, mask)
        expect(y.shape).toEqual([batch, length, width])
        expect(
          distance(
            values(y),
            naive(p, x, (b, _, j) => mask[b * length + j] === 1)
          )
        ).toBeLessThan(rounding)
      })
    )
  })

  it('lets masked keys have no influence at all, in float32 and float64', () => {
    fc.assert(
      fc.property(cases, input, ({ params: p, x, mask }, other) => {
        const [kept, changed] = [values(x), values(other)]
        const isReal = (flat: number): boolean => mask[Math.floor(flat / width)] === 1
        const padded = doubles(
          x.shape,
          kept.map((v, i) => (isReal(i) ? v : changed[i]))
        )
        const real = (ys: ReadonlyArray<number>): ReadonlyArray<number> => ys.filter((_, i) => isReal(i))
        expect(real(values(attend(p, padded, mask)))).toEqual(real(values(attend(p, x, mask))))
        expect(real(singleValues(attend(p, padded, mask)))).toEqual(real(singleValues(attend(p, x, mask))))
      })
    )
  })

  it('gives a row whose keys are all masked the softmax without a mask, not NaN', () => {
    fc.assert(
      fc.property(params, input, (p, x) => {
        const none = attend(p, x, new Array<number>(batch * length).fill(0))
        const all = attend(p, x, new Array<number>(batch * length).fill(1))
        // Scores beside -10000 keep steps of 2^-40, so weights and results agree to 1e-11.
        expect(distance(values(none), values(all))).toBeLessThan(1e-10)
      })
    )
  })

  it('knows no positions: permuted tokens give permuted results', () => {
    const orders = fc.shuffledSubarray([0, 1, 2, 3], { minLength: length, maxLength: length })
    fc.assert(
      fc.property(cases, orders, ({ params: p, x, mask }, order) => {
        const permute = take(integers([length], order), 1)
        const permutedMask = values(permute(doubles([batch, length], mask)))
        const permuted = values(attend(p, permute(x), permutedMask))
        expect(distance(permuted, values(permute(attend(p, x, mask))))).toBeLessThan(rounding)
      })
    )
  })

  it.each([
    ['lower', tril()(ones([length, length])), (i: number, j: number) => j <= i],
    ['upper', triu()(ones([length, length])), (i: number, j: number) => j >= i]
  ])('under a %s triangular pair mask sees that side only, and padding still not', (_, pairMask, sees) => {
    fc.assert(
      fc.property(cases, ({ params: p, x, mask }) => {
        const isAllowed = (b: number, i: number, j: number): boolean => mask[b * length + j] === 1 && sees(i, j)
        const expected = naive(p, x, isAllowed)
        // A padded query may see no key at all: not part of the claim.
        const claimed = (flat: number): boolean =>
          Array.from({ length }, (_, j) => j).some((j) =>
            isAllowed(Math.floor(flat / (length * width)), Math.floor(flat / width) % length, j)
          )
        const found = values(attend(p, x, mask, pairMask))
        const of = (ys: ReadonlyArray<number>): ReadonlyArray<number> => ys.filter((_, i) => claimed(i))
        expect(distance(of(found), of(expected))).toBeLessThan(rounding)
      })
    )
  })

  it('drops probabilities: with values of one every result is a sum of kept weights over 1 - rate', () => {
    const zero = { weight: doubles([2, 2], [0, 0, 0, 0]), bias: doubles([2], [0, 0]) }
    const p = { query: zero, key: zero, value: { ...zero, bias: doubles([2], [1, 1]) } }
    const long = 16
    const y = values(selfAttention({ heads: 1, dropout: 0.5, key: key(4) })(p)(ones([1, long, 2]), ones([1, long])))
    // Each weight is 1/16, kept ones count 2/16: sums are whole eighths, and not all the same.
    expect(y.every((v) => Number.isInteger(v * 8))).toBe(true)
    expect(new Set(y).size).toBeGreaterThan(1)
  })

  it('refuses heads that do not divide the width, and masks of another shape', () => {
    const [{ params: p, x }] = fc.sample(cases, { numRuns: 1, seed: 1 })
    const mask = ones([batch, length])
    expect(() => selfAttention({ heads: 4, dropout: 0 })(p)(x, mask)).toThrow(TensorFault)
    expect(() => selfAttention({ heads: 0, dropout: 0 })(p)(x, mask)).toThrow(TensorFault)
    expect(() => selfAttention({ heads, dropout: 0 })(p)(x, ones([batch, 1]))).toThrow(TensorFault)
    expect(() => selfAttention({ heads, dropout: 0 })(p)(x, ones([length]))).toThrow(TensorFault)
    expect(() => selfAttention({ heads, dropout: 0 })(p)(ones([length, width]), mask)).toThrow(TensorFault)
  })

  it('has 3 (h^2 + h) parameters', () => {
    expect(countParameters(selfAttentionSpec(8))).toBe(3 * (64 + 8))
  })
})

describe('the derivatives, first and second, of selfAttention', () => {
  const small = { min: -1, max: 1 }
  const part = fc.record({ weight: tensorOf([4, 4], small), bias: tensorOf([4], small) })
  const args = fc.record({
    params: fc.record({ query: part, key: part, value: part }),
    x: tensorOf([1, 3, 4], small),
    mask: fc.constant(integers([1, 3], [1, 1, 0]))
  })

  it('are those of finite differences, for parameters and input, under both masks', () => {
    assertGradients(
      ({ params: p, x, mask }) => selfAttention({ heads: 2, dropout: 0, pairMask: tril()(ones([3, 3])) })(p)(x, mask),
      args,
      { order: 2, runs: 5 }
    )
  })

  it('are those of finite differences with dropout under a fixed key', () => {
    assertGradients(
      ({ params: p, x, mask }) => selfAttention({ heads: 2, dropout: 0.3, key: key(9) })(p)(x, mask),
      args,
      { order: 2, runs: 5 }
    )
  })
})
