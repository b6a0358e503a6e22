import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { grad } from '../../src/autodiff/index.js'
import {
  binaryHits,
  categoricalHits,
  sigmoidCrossEntropy,
  softmaxCrossEntropy,
  weightedMean,
  weightedSum
} from '../../src/nn/loss.js'
import { scalar, sum, TensorFault, type Tensor } from '../../src/tensor/index.js'
import { spec, trace } from '../../src/tensor/program/trace.js'
import { sizeOf } from '../../src/tensor/shape.js'
import { assertGradients, numbers, tensorOf } from '../../src/testing/index.js'
import { distance, doubles, integers, real, reals, rounding, singleValues, values } from './double.js'

const rows = fc.record({
  logits: reals(4 * 5),
  labels: fc.array(fc.nat(4), { minLength: 4, maxLength: 4 })
})

const crossEntropy = (logits: ReadonlyArray<number>, labels: ReadonlyArray<number>) =>
  softmaxCrossEntropy(integers([2, 2], labels))(doubles([2, 2, 5], logits))

describe('softmaxCrossEntropy', () => {
  it('is minus the logarithm of the softmax at the label', () => {
    fc.assert(
      fc.property(rows, ({ logits, labels }) => {
        const naive = labels.map((label, i) => {
          const row = logits.slice(5 * i, 5 * i + 5).map(Math.exp)
          return -Math.log(row[label] / row.reduce((s, v) => s + v, 0))
        })
        expect(distance(values(crossEntropy(logits, labels)), naive)).toBeLessThan(rounding)
      })
    )
  })

  it('does not see a constant added to all logits', () => {
    fc.assert(
      fc.property(rows, real(), ({ logits, labels }, shift) => {
        const shifted = values(
          crossEntropy(
            logits.map((v) => v + shift),
            labels
          )
        )
        expect(distance(shifted, values(crossEntropy(logits, labels)))).toBeLessThan(rounding)
      })
    )
  })

  it('of equal logits is ln V, the loss of a guess', () => {
    expect(values(crossEntropy(new Array<number>(20).fill(0.7), [0, 1, 2, 4]))[3]).toBeCloseTo(Math.log(5), 14)
  })

  it.each(['f32', 'u32', 'bool'] as const)('names itself where labels are %s', (dtype) => {
    const labels = spec([2], dtype)
    const named = (op: string): RegExp => new RegExp(`^${op}: found ${dtype}, expected i32 labels`)
    expect(() => softmaxCrossEntropy(labels)(spec([2, 3]))).toThrow(named('softmaxCrossEntropy'))
    expect(() => categoricalHits(labels)(spec([2, 3]))).toThrow(named('categoricalHits'))
  })

  it('stays finite and right in float32 for logits of ten thousand', () => {
    const loss = softmaxCrossEntropy(integers([2], [0, 1]))(doubles([2, 2], [1e4, -1e4, 1e4, -1e4]))
    expect(singleValues(loss).map(Math.abs)).toEqual([0, 2e4])
  })

  it('keeps the digits of a small loss beside a large logit', () => {
    const loss = softmaxCrossEntropy(integers([1], [0]))(doubles([1, 2], [1000, 990]))
    // log(1 + exp(-10)); the difference of logSumExp and the logit would have steps of 6e-5. f32 rounds 1 + 4.5e-5 by 6e-8.
    expect(Math.abs(singleValues(loss)[0] - Math.log1p(Math.exp(-10)))).toBeLessThan(1e-7)
  })

  it('refuses labels that are not one a row', () => {
    const logits = doubles([2, 3], [1, 2, 3, 4, 5, 6])
    expect(() => softmaxCrossEntropy(integers([3], [0, 0, 0]))(logits)).toThrow(TensorFault)
    expect(() => softmaxCrossEntropy(integers([], [0]))(logits)).toThrow(TensorFault)
    expect(() => softmaxCrossEntropy(integers([1], [0]))(logits)).toThrow(TensorFault)
  })
})

describe('sigmoidCrossEntropy', () => {
  const binary = (z: number, x: number): number => values(sigmoidCrossEntropy(scalar(z))(scalar(x)))[0]

  it('is -z log s(x) - (1 - z) log(1 - s(x))', () => {
    fc.assert(
      fc.property(real(0, 100), real(), (z, x) => {
        const s = 1 / (1 + Math.exp(-x))
        expect(distance([binary(z, x)], [-z * Math.log(s) - (1 - z) * Math.log(1 - s)])).toBeLessThan(rounding)
      })
    )
  })

  it('does not change when label and logit are both turned round', () => {
    fc.assert(fc.property(real(0, 100), real(), (z, x) => Math.abs(binary(z, x) - binary(1 - z, -x)) < rounding))
  })

  it('stays finite at logits of ten thousand, in float32 too', () => {
    const loss = sigmoidCrossEntropy(doubles([4], [0, 1, 0, 1]))(doubles([4], [1e4, 1e4, -1e4, -1e4]))
    expect(singleValues(loss)).toEqual([1e4, 0, 0, 1e4])
  })

  it('at logit 0 is ln 2, the loss of a coin', () => {
    expect(binary(1, 0)).toBeCloseTo(Math.LN2, 15)
  })

  it('refuses to broadcast', () => {
    expect(() => sigmoidCrossEntropy(doubles([1], [1]))(doubles([2], [1, 2]))).toThrow(TensorFault)
    expect(() => sigmoidCrossEntropy(scalar(1))(doubles([2], [1, 2]))).toThrow(TensorFault)
  })
})

describe('weightedMean', () => {
  it('divides the weighted sum by the weight sum and 1e-6', () => {
    fc.assert(
      fc.property(reals(6), reals(6, 0, 100), (v, w) => {
        const expected = v.reduce((s, x, i) => s + x * w[i], 0) / (w.reduce((s, x) => s + x, 0) + 1e-6)
        const mean = weightedMean(doubles([2, 3], w))(doubles([2, 3], v))
        expect(mean.shape).toEqual([])
        expect(distance(values(mean), [expected])).toBeLessThan(rounding)
      })
    )
  })

  it('is 0 where nothing has weight', () => {
    expect(values(weightedMean(doubles([2], [0, 0]))(doubles([2], [5, -3])))).toEqual([0])
  })

  it('over the shards of a batch, with the whole batch weight sum, adds up to the mean of the batch', () => {
    fc.assert(
      fc.property(reals(6), reals(6, 0, 100), fc.integer({ min: 0, max: 6 }), (v, w, cut) => {
        const total = scalar(w.reduce((s, x) => s + x, 0))
        const part = (from: number, to: number): number =>
          values(
            weightedMean(doubles([to - from], w.slice(from, to)), total)(doubles([to - from], v.slice(from, to)))
          )[0]
        const whole = values(weightedMean(doubles([6], w))(doubles([6], v)))
        expect(distance([part(0, cut) + part(cut, 6)], whole)).toBeLessThan(rounding)
      })
    )
  })

  it('refuses weights of another shape, and a total that is not a scalar', () => {
    const v = doubles([2], [1, 2])
    expect(() => weightedMean(doubles([1], [1]))(v)).toThrow(TensorFault)
    expect(() => weightedSum(doubles([1, 2], [1, 1]))(v)).toThrow(TensorFault)
    expect(() => weightedMean(v, v)(v)).toThrow(TensorFault)
  })
})

describe('hits', () => {
  it('count a category where its logit is the largest, the first of equals', () => {
    const logits = doubles([4, 3], [1, 3, 2, 5, 5, 0, 5, 5, 0, -1, -2, -3])
    expect(values(categoricalHits(integers([4], [1, 0, 1, 2]))(logits))).toEqual([1, 1, 0, 0])
  })

  it('count a bit where the logit has its sign, and take a logit of 0 for a 0', () => {
    const logits = doubles([6], [2, -2, 0, 2, -2, 0])
    expect(values(binaryHits(doubles([6], [1, 0, 0, 0, 1, 1]))(logits))).toEqual([1, 1, 1, 0, 0, 0])
  })
})

describe('the derivatives, first and second, of', () => {
  it('softmaxCrossEntropy are those of finite differences', () => {
    const args = fc.record({ logits: tensorOf([2, 2, 3]), labels: tensorOf([2, 2], { dtype: 'i32', min: 0, max: 2 }) })
    assertGradients(({ logits, labels }) => softmaxCrossEntropy(labels)(logits), args, { order: 2 })
  })

  it('sigmoidCrossEntropy are those of finite differences, for logits and labels', () => {
    const args = fc.record({ logits: tensorOf([2, 3]), labels: tensorOf([2, 3], { min: 0, max: 1 }) })
    assertGradients(({ logits, labels }) => sigmoidCrossEntropy(labels)(logits), args, { order: 2 })
  })

  it('weightedMean are those of finite differences, for values, weights and total', () => {
    const args = fc.record({
      values: tensorOf([2, 2]),
      weights: tensorOf([2, 2], { min: 0.1, max: 2 }),
      total: numbers({ min: 1, max: 4 }).map((n) => scalar(n))
    })
    assertGradients(({ values: v, weights }) => weightedMean(weights)(v), args, { order: 2 })
    assertGradients(({ values: v, weights, total }) => weightedMean(weights, total)(v), args, { order: 2 })
  })

  it('softmaxCrossEntropy need no scatter, and nothing larger than the logits', () => {
    const labels = integers([4], [0, 1, 2, 3])
    const traced = trace(grad((x: Tensor) => sum()(softmaxCrossEntropy(labels)(x))))(spec([4, 7]))
    if (E.isLeft(traced)) throw new Error('the gradient does not trace')
    const { instructions } = traced.right.program
    expect(instructions.map(({ op }) => op._tag)).not.toContain('scatterAdd')
    expect(Math.max(...instructions.map(({ shape }) => sizeOf(shape)))).toBe(28)
  })

  it('softmaxCrossEntropy is softmax minus the one-hot label, whatever the logits', () => {
    fc.assert(
      fc.property(rows, ({ logits, labels }) => {
        const total = (x: Tensor): Tensor => sum()(softmaxCrossEntropy(integers([4], labels))(x))
        const found = values(grad(total)(doubles([4, 5], logits)))
        const expected = labels.flatMap((label, i) => {
          const row = logits.slice(5 * i, 5 * i + 5).map(Math.exp)
          const all = row.reduce((s, v) => s + v, 0)
          return row.map((v, c) => v / all - (c === label ? 1 : 0))
        })
        expect(distance(found, expected)).toBeLessThan(rounding)
      })
    )
  })
})
