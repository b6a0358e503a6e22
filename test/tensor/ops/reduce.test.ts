import fc from 'fast-check'
import { pipe } from 'fp-ts/lib/function.js'
import { describe, expect, it } from 'vitest'
import type { DType } from '../../../src/tensor/dtype.js'
import { add, exp, sub } from '../../../src/tensor/ops/arithmetic.js'
import { zeros } from '../../../src/tensor/ops/create.js'
import { flip, reshape } from '../../../src/tensor/ops/movement.js'
import * as r from '../../../src/tensor/ops/reduce.js'
import type { Shape } from '../../../src/tensor/shape.js'
import type { Tensor } from '../../../src/tensor/tensor.js'
import { axesOf, axisOf, elements, reals, shapes, tensors, tensorsOf } from '../../arbitraries.js'
import { at, build, expectWithin, faultOf, literalOf, run, type Index, type Plain } from '../../plain.js'

const eps = 2 ** -53
/** Rounding in float64 for at most 81 terms of at most 4 each, with room for the few operations around the sum. */
const sumBound = 2 * 81 * 81 * 4 * eps

/** Every group of elements that a reduction over `axes` takes together, by the index of the result. */
const grouped = (
  x: Plain,
  axes: ReadonlyArray<number>,
  dtype: DType,
  f: (group: ReadonlyArray<number>) => number
): Plain => {
  const kept = x.shape.map((_, i) => i).filter((i) => !axes.includes(i))
  const members = (index: Index): ReadonlyArray<number> =>
    build(
      axes.map((a) => x.shape[a]),
      x.dtype,
      (inner) =>
        at(
          x,
          x.shape.map((_, i) => (axes.includes(i) ? inner[axes.indexOf(i)] : index[kept.indexOf(i)]))
        )
    ).values
  return build(
    kept.map((i) => x.shape[i]),
    dtype,
    (index) => f(members(index))
  )
}

const kept = (x: Plain, axes: ReadonlyArray<number>, reduced: Plain): Plain => ({
  ...reduced,
  shape: x.shape.map((d, i) => (axes.includes(i) ? 1 : d))
})

const withAxes = (x: fc.Arbitrary<Plain>): fc.Arbitrary<readonly [Plain, ReadonlyArray<number>]> =>
  x.chain((t) => fc.tuple(fc.constant(t), axesOf(t.shape)))

const withAxis = (dtype: DType = 'f32', minExtent = 0): fc.Arbitrary<readonly [Plain, number, number]> =>
  tensors(dtype, { minRank: 1, maxRank: 3, maxExtent: 5, minExtent }).chain((x) =>
    axisOf(x.shape).map((axis) => [x, axis, axis < 0 ? axis + x.shape.length : axis] as const)
  )

const sumOf = (xs: ReadonlyArray<number>): number => xs.reduce((a, b) => a + b, 0)
const meanOf = (xs: ReadonlyArray<number>): number => sumOf(xs) / xs.length

describe('sum, max and min', () => {
  it('sum of integers is the exact sum modulo 2^32', () => {
    fc.assert(
      fc.property(withAxes(tensors('i32')), ([x, axes]) => {
        const exact = (group: ReadonlyArray<number>): number =>
          Number(
            BigInt.asIntN(
              32,
              group.map(BigInt).reduce((a, b) => a + b, 0n)
            )
          )
        expect(run(r.sum({ axes })(literalOf(x)))).toEqual(grouped(x, axes, 'i32', exact))
      })
    )
  })

  it('sum of f32 is the sum of each group', () => {
    fc.assert(
      fc.property(withAxes(tensors()), ([x, axes]) => {
        expectWithin(sumBound, run(r.sum({ axes })(literalOf(x)), 'float64'), grouped(x, axes, 'f32', sumOf))
      })
    )
  })

  it.each<readonly ['f32' | 'i32' | 'u32', number, number]>([
    ['f32', -Infinity, Infinity],
    ['i32', -(2 ** 31), 2 ** 31 - 1],
    ['u32', 0, 2 ** 32 - 1]
  ])(
    'max and min of %s are the extremes of each group, and over nothing the ends of the range',
    (dtype, least, greatest) => {
      fc.assert(
        fc.property(withAxes(tensors(dtype)), ([x, axes]) => {
          expect(run(r.max({ axes })(literalOf(x)))).toEqual(grouped(x, axes, dtype, (g) => Math.max(least, ...g)))
          expect(run(r.min({ axes })(literalOf(x)))).toEqual(grouped(x, axes, dtype, (g) => Math.min(greatest, ...g)))
        })
      )
    }
  )

  it('max and min are NaN where there is a NaN', () => {
    const x = literalOf({ shape: [2, 2], dtype: 'f32', values: [1, NaN, 3, 4] })
    expect(run(r.max({ axes: 1 })(x)).values).toEqual([NaN, 4])
    expect(run(r.min({ axes: 1 })(x)).values).toEqual([NaN, 3])
  })

  it('without axes all are reduced, and a single axis may be a number counted from the back', () => {
    fc.assert(
      fc.property(withAxis('i32'), ([x, axis, resolved]) => {
        const all = x.shape.map((_, i) => i)
        expect(run(r.sum()(literalOf(x)))).toEqual(run(r.sum({ axes: all })(literalOf(x))))
        expect(run(r.sum({ axes: axis })(literalOf(x)))).toEqual(run(r.sum({ axes: [resolved] })(literalOf(x))))
      })
    )
  })

  it('keepDims leaves the reduced axes with extent 1', () => {
    const ops: ReadonlyArray<(options: r.ReduceOptions) => (x: Tensor) => Tensor> = [
      r.sum,
      r.max,
      r.min,
      r.mean,
      r.variance,
      r.logSumExp
    ]
    fc.assert(
      fc.property(withAxes(tensors()), fc.constantFrom(...ops), ([x, axes], op) => {
        const [reduced, keeping] = [op({ axes }), op({ axes, keepDims: true })].map((f) => run(f(literalOf(x))))
        expect(keeping).toEqual(kept(x, axes, reduced))
      })
    )
  })

  it('a result of too many elements is a fault, though there were none to reduce', () => {
    const x = zeros([2 ** 31, 0])
    for (const fn of ['sum', 'max', 'min'] as const)
      expect(faultOf(() => r[fn]({ axes: 1 })(x))).toMatchObject({ _tag: 'InvalidArgument', op: fn })
    expect(run(r.sum()(x)).values).toEqual([0])
    expect(run(r.sum({ axes: 0 })(x)).shape).toEqual([0])
  })

  it('an axis that is not there, or named twice, is a fault', () => {
    const x = literalOf({ shape: [2], dtype: 'f32', values: [1, 2] })
    expect(faultOf(() => r.sum({ axes: 1 })(x))).toEqual({ _tag: 'AxisOutOfRange', op: 'sum', axis: 1, rank: 1 })
    expect(faultOf(() => r.sum({ axes: [0, -1] })(x))).toMatchObject({ _tag: 'InvalidArgument', op: 'sum' })
  })
})

describe('mean and variance', () => {
  it('mean is the sum over the count, NaN over nothing', () => {
    fc.assert(
      fc.property(withAxes(tensors()), ([x, axes]) => {
        expectWithin(sumBound, run(r.mean({ axes })(literalOf(x)), 'float64'), grouped(x, axes, 'f32', meanOf))
      })
    )
  })

  it('variance is the mean squared distance from the mean', () => {
    fc.assert(
      fc.property(withAxes(tensors()), fc.constantFrom(0, 1), ([x, axes], ddof) => {
        const of = (g: ReadonlyArray<number>): number => {
          const m = meanOf(g)
          return sumOf(g.map((v) => (v - m) ** 2)) / Math.max(0, g.length - ddof)
        }
        // Squares of at most 8^2 instead of terms of at most 4.
        expectWithin(
          16 * sumBound,
          run(r.variance({ axes, ddof })(literalOf(x)), 'float64'),
          grouped(x, axes, 'f32', of)
        )
      })
    )
  })

  it('variance keeps its digits far from 0, where one pass would lose them all', () => {
    const x = literalOf({ shape: [4], dtype: 'f32', values: [10001, 10002, 10003, 10004] })
    expect(run(r.variance()(x)).values).toEqual([1.25])
    expect(run(r.variance({ ddof: 1 })(x)).values).toEqual([Math.fround(5 / 3)])
  })

  it('are for f32 only', () => {
    const x = literalOf({ shape: [2], dtype: 'i32', values: [1, 2] })
    expect(faultOf(() => r.mean()(x))).toMatchObject({ _tag: 'DTypeMismatch', op: 'mean', found: ['i32'] })
    expect(faultOf(() => r.softmax()(x))).toMatchObject({ _tag: 'DTypeMismatch', op: 'softmax' })
  })
})

describe('any and all', () => {
  it.each<DType>(['bool', 'f32', 'i32', 'u32'])(
    'of %s ask for an element that is not 0; of nothing, false and true',
    (dtype) => {
      fc.assert(
        fc.property(withAxes(tensors(dtype)), ([x, axes]) => {
          const flag = (b: boolean): number => (b ? 1 : 0)
          expect(run(r.any({ axes })(literalOf(x)))).toEqual(
            grouped(x, axes, 'bool', (g) => flag(g.some((v) => v !== 0)))
          )
          expect(run(r.all({ axes })(literalOf(x)))).toEqual(
            grouped(x, axes, 'bool', (g) => flag(g.every((v) => v !== 0)))
          )
        })
      )
    }
  )
})

describe.each([
  ['argmax', r.argmax, Math.max],
  ['argmin', r.argmin, Math.min]
] as const)('%s', (name, arg, extreme) => {
  it.each<'f32' | 'i32' | 'u32'>(['f32', 'i32', 'u32'])('of %s is the first index of the extreme', (dtype) => {
    // Few distinct values, so that ties are common.
    const few = fc.constantFrom(
      ...(dtype === 'u32' ? [0, 1, 2 ** 32 - 1] : dtype === 'f32' ? [-1, 0, 1, NaN] : [-1, 0, 1])
    )
    const cases = shapes({ minRank: 1, maxRank: 3, minExtent: 1, maxExtent: 5 }).chain((shape) =>
      fc.tuple(tensorsOf(shape, dtype, few), axisOf(shape))
    )
    fc.assert(
      fc.property(cases, ([x, axis]) => {
        const resolved = axis < 0 ? axis + x.shape.length : axis
        const first = (g: ReadonlyArray<number>): number =>
          g.findIndex((x) => Object.is(x, extreme(...g)) || x === extreme(...g))
        expect(run(arg(axis)(literalOf(x)))).toEqual(grouped(x, [resolved], 'i32', first))
      })
    )
  })

  it('of an axis without elements is a fault', () => {
    const x = literalOf({ shape: [2, 0], dtype: 'f32', values: [] })
    expect(faultOf(() => arg(1)(x))).toMatchObject({ _tag: 'InvalidArgument', op: name })
    expect(run(arg(0)(x))).toEqual({ shape: [0], dtype: 'i32', values: [] })
  })
})

describe('logSumExp', () => {
  it('is the logarithm of the sum of exponentials', () => {
    fc.assert(
      fc.property(withAxes(tensors()), ([x, axes]) => {
        const of = (g: ReadonlyArray<number>): number => Math.log(sumOf(g.map(Math.exp)))
        expectWithin(sumBound, run(r.logSumExp({ axes })(literalOf(x)), 'float64'), grouped(x, axes, 'f32', of))
      })
    )
  })

  it('lies between the maximum and the maximum plus ln n', () => {
    fc.assert(
      fc.property(withAxis('f32', 1), ([x, axis, resolved]) => {
        const found = run(r.logSumExp({ axes: axis })(literalOf(x)))
        const largest = run(r.max({ axes: axis })(literalOf(x)))
        const most = Math.log(x.shape[resolved])
        found.values.forEach((v, i) => {
          const above = v - largest.values[i]
          // The result is rounded to float32 at a size of at most 4 + ln 5 < 8: half of 2^-21, twice for good measure.
          expect(above).toBeGreaterThanOrEqual(-(2 ** -21))
          expect(above).toBeLessThanOrEqual(most + 2 ** -21)
        })
      })
    )
  })

  it('does not overflow, and treats infinities as limits', () => {
    const rows = [
      [1000, 1000],
      [-1000, -1000],
      [-Infinity, -Infinity],
      [-Infinity, 3],
      [Infinity, 3],
      [Infinity, -Infinity],
      [NaN, 3]
    ]
    const x = literalOf({ shape: [rows.length, 2], dtype: 'f32', values: rows.flat() })
    const ln2 = Math.LN2
    expect(run(r.logSumExp({ axes: 1 })(x)).values).toEqual(
      [1000 + ln2, -1000 + ln2, -Infinity, 3, Infinity, Infinity, NaN].map(Math.fround)
    )
  })
})

describe('softmax and logSoftmax', () => {
  // One rounding of each of at most 5 terms and of their sum, the quotient and the exponential: 10 * 2^-24, relative to 1.
  const f32Bound = 10 * 2 ** -24

  it('softmax is positive and sums to 1 along its axis', () => {
    fc.assert(
      fc.property(withAxis('f32', 1), ([x, axis, resolved]) => {
        const y = run(r.softmax(axis)(literalOf(x)))
        expect(y.values.every((v) => v > 0)).toBe(true)
        expectWithin(
          f32Bound,
          grouped(y, [resolved], 'f32', sumOf),
          grouped(y, [resolved], 'f32', () => 1)
        )
      })
    )
  })

  it('softmax of x + c is softmax of x', () => {
    fc.assert(
      fc.property(withAxis(), reals(-4000, 4000), ([x, axis], c) => {
        const [shifted, plain] = [add(c)(literalOf(x)), literalOf(x)].map((t) => run(r.softmax(axis)(t), 'float64'))
        // x + c is off by at most 2^-53 * 44 before the exponential, and so is the maximum.
        expectWithin(8 * 44 * eps, shifted, plain)
      })
    )
  })

  it('softmax is the ratio of exponentials', () => {
    fc.assert(
      fc.property(withAxis(), ([x, axis, resolved]) => {
        const e = run(exp(literalOf(x)), 'float64')
        const sums = grouped(e, [resolved], 'f32', sumOf)
        const expected = build(
          x.shape,
          'f32',
          (i) =>
            at(e, i) /
            at(
              sums,
              i.filter((_, a) => a !== resolved)
            )
        )
        expectWithin(64 * eps, run(r.softmax(axis)(literalOf(x)), 'float64'), expected)
      })
    )
  })

  it('logSoftmax is x - logSumExp x, and stays finite where softmax underflows', () => {
    fc.assert(
      fc.property(withAxis(), ([x, axis]) => {
        const direct = pipe(literalOf(x), sub(r.logSumExp({ axes: axis, keepDims: true })(literalOf(x))))
        expectWithin(64 * eps, run(r.logSoftmax(axis)(literalOf(x)), 'float64'), run(direct, 'float64'))
      })
    )
    const far = literalOf({ shape: [2], dtype: 'f32', values: [0, -500] })
    expect(run(r.logSoftmax()(far)).values).toEqual([0, -500])
    expect(run(r.softmax()(far)).values).toEqual([1, 0])
  })

  it('do not overflow', () => {
    const large = literalOf({ shape: [2], dtype: 'f32', values: [1000, 1000] })
    expect(run(r.softmax()(large)).values).toEqual([0.5, 0.5])
    expect(run(r.logSoftmax()(large)).values).toEqual([-Math.LN2, -Math.LN2].map(Math.fround))
  })

  it('are along the last axis unless told otherwise', () => {
    fc.assert(
      fc.property(tensors('f32', { minRank: 1 }), (x) => {
        expect(run(r.softmax()(literalOf(x)))).toEqual(run(r.softmax(x.shape.length - 1)(literalOf(x))))
        expect(run(r.logSoftmax()(literalOf(x)))).toEqual(run(r.logSoftmax(x.shape.length - 1)(literalOf(x))))
      })
    )
  })
})

describe('cumsum', () => {
  const running = (x: Plain, axis: number, dtype: DType): Plain =>
    build(x.shape, dtype, (index) => {
      const upTo = Array.from({ length: index[axis] + 1 }, (_, i) =>
        at(
          x,
          index.map((j, a) => (a === axis ? i : j))
        )
      )
      return dtype === 'i32'
        ? Number(
            BigInt.asIntN(
              32,
              upTo.map(BigInt).reduce((a, b) => a + b, 0n)
            )
          )
        : sumOf(upTo)
    })

  const long = (dtype: DType): fc.Arbitrary<readonly [Plain, number]> => {
    const wide: fc.Arbitrary<Shape> = fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 20 }))
    return wide.chain((shape) => fc.tuple(tensorsOf(shape, dtype, elements[dtype]), axisOf(shape)))
  }

  it('of integers is the exact running sum', () => {
    fc.assert(
      fc.property(long('i32'), ([x, axis]) => {
        expect(run(r.cumsum(axis)(literalOf(x)))).toEqual(running(x, axis < 0 ? axis + 2 : axis, 'i32'))
      })
    )
  })

  it('of f32 is the running sum, rounding aside', () => {
    fc.assert(
      fc.property(long('f32'), ([x, axis]) => {
        const expected = running(x, axis < 0 ? axis + 2 : axis, 'f32')
        expectWithin(sumBound, run(r.cumsum(axis)(literalOf(x)), 'float64'), expected)
      })
    )
  })

  it('ends at the total, from either side', () => {
    fc.assert(
      fc.property(tensors('i32', { minRank: 1, maxRank: 1, minExtent: 1, maxExtent: 20 }), (x) => {
        const n = x.shape[0]
        const total = run(r.sum()(literalOf(x))).values[0]
        expect(run(r.cumsum(0)(literalOf(x))).values[n - 1]).toBe(total)
        expect(run(pipe(literalOf(x), flip(0), r.cumsum(0), reshape([-1]))).values[n - 1]).toBe(total)
      })
    )
  })
})
