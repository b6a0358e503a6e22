import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { DType } from '../../../src/tensor/dtype.js'
import { add } from '../../../src/tensor/ops/arithmetic.js'
import { matmul } from '../../../src/tensor/ops/contract.js'
import * as c from '../../../src/tensor/ops/create.js'
import { take } from '../../../src/tensor/ops/gather.js'
import { showTensorError } from '../../../src/tensor/fault.js'
import { toNested, toTypedArray } from '../../../src/tensor/values.js'
import { anyTensor, reals, tensors } from '../../arbitraries.js'
import { at, build, faultOf, literalOf, plainOf, run } from '../../plain.js'

/** What a caller without types may pass. */
const unchecked = (json: string): c.Nested<number> => JSON.parse(json) as c.Nested<number>

const dtypes: ReadonlyArray<DType> = ['f32', 'i32', 'u32', 'bool']

describe('tensor', () => {
  it('of nested arrays has the shape of the nesting, and toNested gives them back', () => {
    fc.assert(
      fc.property(anyTensor({ minExtent: 1 }), (x) => {
        const made = c.tensor(toNested(literalOf(x)), { dtype: x.dtype })
        expect(plainOf(made)).toEqual(x)
      })
    )
  })

  it('of empty arrays has the axes that can be seen', () => {
    expect(c.tensor([]).shape).toEqual([0])
    expect(c.tensor([[], []]).shape).toEqual([2, 0])
    expect(c.tensor([], { dtype: 'i32', shape: [3, 0] })).toMatchObject({ shape: [3, 0], dtype: 'i32' })
  })

  it('chooses the dtype by what it is given', () => {
    expect(c.tensor([1, 2]).dtype).toBe('f32')
    expect(c.tensor([true, false]).dtype).toBe('bool')
    expect(c.tensor(Int32Array.of(1)).dtype).toBe('i32')
    expect(c.tensor(Uint32Array.of(1)).dtype).toBe('u32')
    expect(c.tensor(Uint8Array.of(1)).dtype).toBe('bool')
    expect(c.tensor(Float64Array.of(1)).dtype).toBe('f32')
  })

  it('of a typed array is flat, or of the shape that is asked for', () => {
    expect(c.tensor(Int32Array.of(1, 2, 3, 4)).shape).toEqual([4])
    expect(toNested(c.tensor(Int32Array.of(1, 2, 3, 4), { shape: [2, 2] }))).toEqual([
      [1, 2],
      [3, 4]
    ])
    expect(faultOf(() => c.tensor(Int32Array.of(1, 2), { shape: [3] }))).toMatchObject({ _tag: 'InvalidArgument' })
  })

  it('rounds numbers to float32, but keeps a Float64Array whole', () => {
    expect([...toTypedArray(c.tensor([0.1]))]).toEqual([Math.fround(0.1)])
    expect([...toTypedArray(c.tensor(Float64Array.of(0.1)))]).toEqual([0.1])
  })

  it('is not touched by what happens to the array it came from', () => {
    const typed = Float32Array.of(1, 2)
    const nested = [[1], [2]]
    const [a, b] = [c.tensor(typed), c.tensor(nested)]
    typed[0] = 9
    nested[0][0] = 9
    expect([plainOf(a).values, plainOf(b).values]).toEqual([
      [1, 2],
      [1, 2]
    ])
  })

  it.each([
    [Int8Array.of(-1, 2), 'i32'],
    [Int16Array.of(-1, 2), 'i32'],
    [Uint16Array.of(1, 65535), 'u32'],
    [Uint8ClampedArray.of(0, 255), 'u32'],
    [Uint8Array.of(0, 1), 'bool']
  ] as const)('of %o is %s', (from, dtype) => {
    const made = c.tensor(from)
    expect([made.dtype, made.shape, [...toTypedArray(made)]]).toEqual([dtype, [2], [...from]])
  })

  it.each([
    [
      () => c.tensor(new BigInt64Array(1000) as never),
      /found a BigInt64Array, expected .*Int32Array\.from\(x, Number\)/
    ],
    [() => c.tensor(new DataView(new ArrayBuffer(8)) as never), /found a DataView, expected Float32Array/],
    [() => c.tensor([1, 2], { dtype: 'float32' as never }), /found dtype "float32", expected f32, i32, u32, bool/],
    [
      () => c.tensor(Uint8Array.of(0, 200)),
      /found 200, expected 0 or 1 in a Uint8Array, which is bool: \{ dtype: 'u32' \}/
    ],
    [() => c.tensor({ length: 1e6 } as never), /found an object, expected a number/],
    [
      () => take(c.tensor([0, 1]))(c.zeros([3, 2])),
      /found f32, expected i32 indices: tensor\(ids, \{ dtype: 'i32' \}\)/
    ]
  ])('says in a line what it does not take, and what instead: %#', (build, sentence) => {
    const message = showTensorError(faultOf(build))
    expect(message).toMatch(sentence)
    expect(message.split('\n')).toHaveLength(1)
    expect(message.length).toBeLessThan(250)
  })

  it('of ragged arrays is a fault that says where', () => {
    expect(faultOf(() => c.tensor([[1, 2], [3]]))).toEqual({
      _tag: 'InvalidArgument',
      op: 'tensor',
      found: 'an array of 1 at [1]',
      expected: 'an array of 2, as before it'
    })
    expect(faultOf(() => c.tensor([[1], 2]))).toMatchObject({ found: '2 at [1]' })
    expect(faultOf(() => c.tensor([1, [2]]))).toMatchObject({
      found: 'an array of 1 at [1]',
      expected: 'a number or a boolean'
    })
    expect(faultOf(() => c.tensor(unchecked('[1, null]')))).toMatchObject({ found: 'null at [1]' })
    expect(faultOf(() => c.tensor(unchecked('["1"]')))).toMatchObject({ found: '"1" at [0]' })
  })

  it('of values that the dtype does not hold is a fault', () => {
    const wrong: ReadonlyArray<readonly [number, DType]> = [
      [0.5, 'i32'],
      [2 ** 31, 'i32'],
      [NaN, 'i32'],
      [-1, 'u32'],
      [2 ** 32, 'u32'],
      [2, 'bool']
    ]
    wrong.forEach(([value, dtype]) => {
      expect(faultOf(() => c.tensor([value], { dtype }))).toMatchObject({ found: String(value) })
      expect(faultOf(() => c.tensor(Float64Array.of(value), { dtype }))).toMatchObject({ found: String(value) })
    })
    expect(faultOf(() => c.tensor([true], { dtype: 'f32' }))).toMatchObject({ found: 'true' })
    expect(faultOf(() => c.tensor(unchecked('[true, 1]')))).toMatchObject({ found: 'true' })
    expect(faultOf(() => c.tensor(Uint8Array.of(2)))).toMatchObject({ found: '2' })
  })
})

describe('scalar', () => {
  it('has shape [] and keeps a double until a device rounds it', () => {
    expect(plainOf(c.scalar(0.1))).toEqual({ shape: [], dtype: 'f32', values: [0.1] })
    expect(run(add(0)(c.scalar(0.1))).values).toEqual([Math.fround(0.1)])
    expect(run(add(0)(c.scalar(0.1)), 'float64').values).toEqual([0.1])
    expect(plainOf(c.scalar(-3, 'i32'))).toEqual({ shape: [], dtype: 'i32', values: [-3] })
    expect(plainOf(c.scalar(true))).toEqual({ shape: [], dtype: 'bool', values: [1] })
    expect(faultOf(() => c.scalar(0.5, 'u32'))).toMatchObject({ found: '0.5' })
  })
})

describe('patterns', () => {
  it.each(dtypes)('full, zeros and ones of %s hold one value', (dtype) => {
    expect(run(c.full([2, 2], 1, dtype))).toEqual({ shape: [2, 2], dtype, values: [1, 1, 1, 1] })
    expect(run(c.ones([3], dtype))).toEqual({ shape: [3], dtype, values: [1, 1, 1] })
    expect(run(c.zeros([0, 2], dtype))).toEqual({ shape: [0, 2], dtype, values: [] })
  })

  it('iota is the index along its axis', () => {
    expect(run(c.iota([2, 3], -1))).toEqual(build([2, 3], 'i32', ([, j]) => j))
    expect(run(c.iota([2, 3], 0, 'f32'))).toEqual(build([2, 3], 'f32', ([i]) => i))
    expect(run(c.arange(4))).toEqual({ shape: [4], dtype: 'i32', values: [0, 1, 2, 3] })
    expect(faultOf(() => c.iota([2], 1))).toMatchObject({ _tag: 'AxisOutOfRange', op: 'iota' })
    expect(faultOf(() => c.arange(-1))).toMatchObject({ _tag: 'InvalidArgument', op: 'iota' })
  })

  it('linspace is exact at both ends and evenly spaced between them', () => {
    fc.assert(
      fc.property(reals(-40000, 40000), reals(-40000, 40000), fc.integer({ min: 1, max: 60 }), (a, b, n) => {
        const { values } = run(c.linspace(a, b, n))
        expect(values).toHaveLength(n)
        expect(values[0]).toBe(a)
        if (n > 1) expect(values[n - 1]).toBe(b)
        values.forEach((v, i) => {
          const exact = n === 1 ? a : a + ((b - a) * i) / (n - 1)
          // Roundings of the step (times at most n / 2), the product and the sum, each relative to at most 800.
          expect(Math.abs(v - exact)).toBeLessThanOrEqual(3 * 800 * 2 ** -24)
        })
      })
    )
    expect(run(c.linspace(0, 1, 0)).values).toEqual([])
  })

  it('eye is the neutral element of the matrix product', () => {
    fc.assert(
      fc.property(tensors('i32', { minRank: 2, maxRank: 2 }), (x) => {
        const [m, n] = x.shape
        expect(run(matmul(c.eye(n, 'i32'))(literalOf(x)))).toEqual(x)
        expect(run(matmul(literalOf(x))(c.eye(m, 'i32')))).toEqual(x)
      })
    )
  })

  it('tril and triu keep what is on and below, on and above a diagonal', () => {
    fc.assert(
      fc.property(tensors('i32', { minRank: 2, maxRank: 3 }), fc.integer({ min: -4, max: 4 }), (x, k) => {
        const kept = (holds: (offset: number) => boolean): unknown =>
          build(x.shape, 'i32', (i) => (holds(i[i.length - 1] - i[i.length - 2]) ? at(x, i) : 0))
        expect(run(c.tril(k)(literalOf(x)))).toEqual(kept((offset) => offset <= k))
        expect(run(c.triu(k)(literalOf(x)))).toEqual(kept((offset) => offset >= k))
      })
    )
  })

  it('tril and the triu that starts above it make up the tensor', () => {
    fc.assert(
      fc.property(tensors('i32', { minRank: 2 }), fc.integer({ min: -4, max: 4 }), (x, k) => {
        expect(run(add(c.triu(k + 1)(literalOf(x)))(c.tril(k)(literalOf(x))))).toEqual(x)
      })
    )
  })

  it('tril of a vector is a fault', () => {
    expect(faultOf(() => c.tril()(c.ones([2])))).toMatchObject({ _tag: 'InvalidArgument', op: 'tril' })
  })
})
