import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { DType } from '../../../src/tensor/dtype.js'
import * as v from '../../../src/tensor/ops/arithmetic.js'
import type { Operand } from '../../../src/tensor/ops/broadcast.js'
import { full } from '../../../src/tensor/ops/create.js'
import type { Shape } from '../../../src/tensor/shape.js'
import type { Tensor } from '../../../src/tensor/tensor.js'
import {
  anyTensor,
  broadcastablePair,
  broadcastableShapes,
  elements,
  reals,
  shapes,
  tensors,
  tensorsOf
} from '../../arbitraries.js'
import { broadcastAt, build, expectWithin, faultOf, literalOf, run, type Plain } from '../../plain.js'

type BinaryOp = (b: Operand) => (x: Tensor) => Tensor

/** NumPy's rule from its sentence: align at the end, extents equal or one of them 1. */
const naiveCommon = (a: Shape, b: Shape): Shape | undefined => {
  const rank = Math.max(a.length, b.length)
  const padded = (s: Shape): Shape => [...new Array<number>(rank - s.length).fill(1), ...s]
  const pairs = padded(a).map((d, i) => [d, padded(b)[i]])
  return pairs.every(([p, q]) => p === q || p === 1 || q === 1) ? pairs.map(([p, q]) => (p === 1 ? q : p)) : undefined
}

const naive = (f: (x: number, b: number) => number, dtype: DType, [x, b]: readonly [Plain, Plain]): Plain =>
  build(naiveCommon(x.shape, b.shape) ?? [], dtype, (i) => f(broadcastAt(x, i), broadcastAt(b, i)))

const rounded =
  (f: (x: number, b: number) => number) =>
  (x: number, b: number): number =>
    Math.fround(f(x, b))

const modulo = (dtype: DType, x: bigint): number =>
  Number(dtype === 'i32' ? BigInt.asIntN(32, x) : BigInt.asUintN(32, x))

/** Exact integer arithmetic, then modulo 2^32. */
const wrapped =
  (dtype: DType, f: (x: bigint, b: bigint) => bigint) =>
  (x: number, b: number): number =>
    modulo(dtype, f(BigInt(x), BigInt(b)))

const smaller = (x: bigint, b: bigint): bigint => (x < b ? x : b)
const larger = (x: bigint, b: bigint): bigint => (x > b ? x : b)

const floatOps: ReadonlyArray<readonly [string, BinaryOp, (x: number, b: number) => number]> = [
  ['add', v.add, (x, b) => x + b],
  ['sub', v.sub, (x, b) => x - b],
  ['mul', v.mul, (x, b) => x * b],
  ['div', v.div, (x, b) => x / b],
  ['maximum', v.maximum, Math.max],
  ['minimum', v.minimum, Math.min],
  ['pow', v.pow, Math.pow]
]

const integerOps: ReadonlyArray<readonly [string, BinaryOp, (x: bigint, b: bigint) => bigint]> = [
  ['add', v.add, (x, b) => x + b],
  ['sub', v.sub, (x, b) => x - b],
  ['mul', v.mul, (x, b) => x * b],
  ['div', v.div, (x, b) => (b === 0n ? 0n : x / b)],
  ['rem', v.rem, (x, b) => (b === 0n ? 0n : x % b)],
  ['maximum', v.maximum, larger],
  ['minimum', v.minimum, smaller],
  ['and', v.and, (x, b) => x & b],
  ['or', v.or, (x, b) => x | b],
  ['xor', v.xor, (x, b) => x ^ b],
  ['shl', v.shl, (x, b) => x << BigInt.asUintN(5, b)],
  ['shr', v.shr, (x, b) => x >> BigInt.asUintN(5, b)]
]

const comparisons: ReadonlyArray<readonly [string, BinaryOp, (x: number, b: number) => boolean]> = [
  ['eq', v.eq, (x, b) => x === b],
  ['ne', v.ne, (x, b) => x !== b],
  ['lt', v.lt, (x, b) => x < b],
  ['le', v.le, (x, b) => x <= b],
  ['gt', v.gt, (x, b) => x > b],
  ['ge', v.ge, (x, b) => x >= b]
]

const withSpecials = fc.oneof(
  { weight: 6, arbitrary: reals() },
  { weight: 1, arbitrary: fc.constantFrom(NaN, Infinity, -Infinity, -0) }
)

describe('operations on two tensors', () => {
  it.each(floatOps)('%s of f32 is the rounded real operation on the broadcast operands', (_, op, f) => {
    fc.assert(
      fc.property(broadcastablePair('f32', {}, withSpecials), ([x, b]) => {
        expect(run(op(literalOf(b))(literalOf(x)))).toEqual(naive(rounded(f), 'f32', [x, b]))
      })
    )
  })

  describe.each<'i32' | 'u32'>(['i32', 'u32'])('of %s', (dtype) => {
    it.each(integerOps)('%s is the exact operation modulo 2^32', (_, op, f) => {
      fc.assert(
        fc.property(broadcastablePair(dtype), ([x, b]) => {
          expect(run(op(literalOf(b))(literalOf(x)))).toEqual(naive(wrapped(dtype, f), dtype, [x, b]))
        })
      )
    })
  })

  describe.each<DType>(['f32', 'i32', 'u32'])('comparisons of %s', (dtype) => {
    it.each(comparisons)('%s is the comparison of the broadcast operands', (_, op, f) => {
      fc.assert(
        fc.property(broadcastablePair(dtype, {}, dtype === 'f32' ? withSpecials : elements[dtype]), ([x, b]) => {
          expect(run(op(literalOf(b))(literalOf(x)))).toEqual(naive((p, q) => (f(p, q) ? 1 : 0), 'bool', [x, b]))
        })
      )
    })
  })

  it('and, or, xor, not, eq and ne are logical on bool', () => {
    fc.assert(
      fc.property(broadcastablePair('bool'), ([x, b]) => {
        const [p, q] = [literalOf(x), literalOf(b)]
        expect(run(v.and(q)(p))).toEqual(naive((s, t) => (s && t ? 1 : 0), 'bool', [x, b]))
        expect(run(v.or(q)(p))).toEqual(naive((s, t) => (s || t ? 1 : 0), 'bool', [x, b]))
        expect(run(v.xor(q)(p))).toEqual(run(v.ne(q)(p)))
        expect(run(v.not(v.xor(q)(p)))).toEqual(run(v.eq(q)(p)))
      })
    )
  })

  it('shapes that NumPy would not broadcast are a ShapeMismatch that names both, and only those', () => {
    fc.assert(
      fc.property(shapes(), shapes(), (a, b) => {
        const common = naiveCommon(a, b)
        const build = (): Tensor => v.add(full(b, 1))(full(a, 2))
        if (common === undefined) expect(faultOf(build)).toEqual({ _tag: 'ShapeMismatch', op: 'add', shapes: [a, b] })
        else expect(build().shape).toEqual(common)
      })
    )
  })

  it('two dtypes in one operation are a DTypeMismatch', () => {
    expect(faultOf(() => v.add(full([2], 1, 'i32'))(full([2], 1)))).toMatchObject({ _tag: 'DTypeMismatch', op: 'add' })
    expect(faultOf(() => v.lt(full([2], 1, 'u32'))(full([2], 1, 'i32')))).toMatchObject({ _tag: 'DTypeMismatch' })
  })

  it('dtypes that an operation is not defined on are a DTypeMismatch', () => {
    expect(faultOf(() => v.exp(full([2], 1, 'i32')))).toMatchObject({ _tag: 'DTypeMismatch', found: ['i32'] })
    expect(faultOf(() => v.rem(2)(full([2], 1)))).toMatchObject({ _tag: 'DTypeMismatch', found: ['f32'] })
    expect(faultOf(() => v.add(1)(full([2], 1, 'bool')))).toMatchObject({ _tag: 'DTypeMismatch', found: ['bool'] })
  })
})

describe('a number as operand', () => {
  it('is a constant of the dtype of the tensor', () => {
    fc.assert(
      fc.property(tensors('i32'), elements.i32, (x, n) => {
        expect(run(v.sub(n)(literalOf(x)))).toEqual(run(v.sub(full([], n, 'i32'))(literalOf(x))))
      })
    )
    expect(v.add(0.5)(full([2], 1)).dtype).toBe('f32')
  })

  it('is a fault where the dtype does not hold it', () => {
    expect(faultOf(() => v.add(0.5)(full([2], 1, 'i32')))).toMatchObject({ _tag: 'InvalidArgument', found: '0.5' })
    expect(faultOf(() => v.add(-1)(full([2], 1, 'u32')))).toMatchObject({ _tag: 'InvalidArgument', found: '-1' })
    expect(faultOf(() => v.add(2 ** 31)(full([2], 1, 'i32')))).toMatchObject({ _tag: 'InvalidArgument' })
  })
})

describe('operations on one tensor', () => {
  const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))
  // Domains keep the definition on the right accurate enough to be a reference itself.
  const maps: ReadonlyArray<
    readonly [string, (x: Tensor) => Tensor, (x: number) => number, readonly [number, number]]
  > = [
    ['neg', v.neg, (x) => -x, [-400, 400]],
    ['abs', v.abs, Math.abs, [-400, 400]],
    ['sign', v.sign, Math.sign, [-400, 400]],
    ['floor', v.floor, Math.floor, [-400, 400]],
    ['exp', v.exp, Math.exp, [-400, 400]],
    ['expm1', v.expm1, Math.expm1, [-400, 400]],
    ['log', v.log, Math.log, [1, 400]],
    ['log1p', v.log1p, Math.log1p, [-99, 400]],
    ['sqrt', v.sqrt, Math.sqrt, [0, 400]],
    ['rsqrt', v.rsqrt, (x) => 1 / Math.sqrt(x), [1, 400]],
    ['sin', v.sin, Math.sin, [-400, 400]],
    ['cos', v.cos, Math.cos, [-400, 400]],
    ['tanh', v.tanh, Math.tanh, [-400, 400]],
    ['sigmoid', v.sigmoid, sigmoid, [-400, 400]],
    ['softplus', v.softplus, (x) => Math.log1p(Math.exp(x)), [-400, 400]],
    ['square', v.square, (x) => x * x, [-400, 400]],
    ['reciprocal', v.reciprocal, (x) => 1 / x, [1, 400]],
    ['relu', v.relu, (x) => Math.max(x, 0), [-400, 400]]
  ]

  it.each(maps)('%s is its real function, element by element', (_, op, f, [min, max]) => {
    fc.assert(
      fc.property(tensors('f32', {}, reals(min, max)), (x) => {
        const expected = build(x.shape, 'f32', (i) => f(broadcastAt(x, i)))
        // Results are at most 100; four roundings of relative error 2^-53 each leave less than 100 * 4 * 2^-53.
        expectWithin(100 * 4 * 2 ** -53, run(op(literalOf(x)), 'float64'), expected)
      })
    )
  })

  it('erf takes its published values', () => {
    // Abramowitz and Stegun, table 7.1.
    const x = { shape: [4], dtype: 'f32', values: [0, 0.5, 1, 2] } as const
    const expected = { ...x, values: [0, 0.5204998778, 0.8427007929, 0.995322265] }
    expectWithin(1e-10, run(v.erf(literalOf(x)), 'float64'), expected) // ten printed digits
  })

  it('not of an integer is -x - 1', () => {
    fc.assert(
      fc.property(tensors('i32'), (x) => {
        expect(run(v.not(literalOf(x)))).toEqual(run(v.sub(1)(v.neg(literalOf(x)))))
      })
    )
  })

  it('stopGradient is the tensor itself', () => {
    fc.assert(
      fc.property(anyTensor(), (x) => {
        expect(run(v.stopGradient(literalOf(x)))).toEqual(x)
      })
    )
  })
})

describe('where', () => {
  it('takes the tensor where the condition holds and the other elsewhere, all three broadcast', () => {
    const triples = broadcastableShapes(3).chain(([c, x, o]) =>
      fc.tuple(tensorsOf(c, 'bool'), tensorsOf(x), tensorsOf(o))
    )
    fc.assert(
      fc.property(triples, ([c, x, o]) => {
        const shape = [c, x, o].reduce<Shape>((all, t) => naiveCommon(all, t.shape) ?? [], [])
        expect(run(v.where(literalOf(c), literalOf(o))(literalOf(x)))).toEqual(
          build(shape, 'f32', (i) => (broadcastAt(c, i) === 1 ? broadcastAt(x, i) : broadcastAt(o, i)))
        )
      })
    )
  })

  it('wants a bool condition', () => {
    expect(faultOf(() => v.where(full([2], 1), 0)(full([2], 1)))).toMatchObject({ _tag: 'DTypeMismatch', op: 'where' })
  })
})

describe('clip', () => {
  it('is the nearest value between the bounds', () => {
    fc.assert(
      fc.property(tensors(), reals(-200, 0), reals(0, 200), (x, lo, hi) => {
        expect(run(v.clip(lo, hi)(literalOf(x)))).toEqual(
          build(x.shape, 'f32', (i) => Math.min(hi, Math.max(lo, broadcastAt(x, i))))
        )
      })
    )
  })
})

describe('cast', () => {
  it('to the dtype it has is the tensor itself, without a node', () => {
    const x = full([2], 1, 'i32')
    expect(v.cast('i32')(x)).toBe(x)
  })

  it('from f32 to integers truncates, saturates, and takes NaN to 0', () => {
    const x = literalOf({ shape: [7], dtype: 'f32', values: [1.75, -1.75, 3e9, -3e9, 5e9, NaN, -Infinity] })
    const [least, most] = [-(2 ** 31), 2 ** 31 - 1]
    expect(run(v.cast('i32')(x)).values).toEqual([1, -1, most, least, most, 0, least])
    expect(run(v.cast('u32')(x)).values).toEqual([1, 0, 3e9, 0, 2 ** 32 - 1, 0, 0])
  })

  it('between i32 and u32 keeps the bits, so there and back is the identity', () => {
    fc.assert(
      fc.property(tensors('i32'), (x) => {
        const there = run(v.cast('u32')(literalOf(x)))
        expect(there.values).toEqual(x.values.map((n) => Number(BigInt.asUintN(32, BigInt(n)))))
        expect(run(v.cast('i32')(literalOf(there)))).toEqual(x)
      })
    )
  })

  it('to bool is x != 0, and from bool is 0 or 1', () => {
    fc.assert(
      fc.property(anyTensor(), (x) => {
        const asBool = v.cast('bool')(literalOf(x))
        const expected = x.values.map((n) => (n !== 0 ? 1 : 0))
        expect(run(asBool)).toEqual({ ...x, dtype: 'bool', values: expected })
        expect(run(v.cast('f32')(asBool)).values).toEqual(expected)
      })
    )
  })

  it('from an integer to f32 rounds to nearest', () => {
    fc.assert(
      fc.property(tensors('u32'), (x) => {
        expect(run(v.cast('f32')(literalOf(x))).values).toEqual(x.values.map(Math.fround))
      })
    )
  })
})
