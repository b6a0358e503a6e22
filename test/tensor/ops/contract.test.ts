import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { add } from '../../../src/tensor/ops/arithmetic.js'
import { dotGeneral, matmul } from '../../../src/tensor/ops/contract.js'
import { full } from '../../../src/tensor/ops/create.js'
import { transpose } from '../../../src/tensor/ops/movement.js'
import { broadcastShapes, type Shape } from '../../../src/tensor/shape.js'
import { broadcastableShapes, tensorsOf } from '../../arbitraries.js'
import { broadcastAt, build, expectWithin, faultOf, literalOf, run, type Plain } from '../../plain.js'

const extent = fc.nat({ max: 3 })

/** Two stacks of matrices that can be multiplied, their leading axes broadcasting. */
const products = (dtype: 'f32' | 'i32'): fc.Arbitrary<readonly [Plain, Plain]> =>
  fc
    .tuple(broadcastableShapes(2, { maxRank: 2 }), extent, extent, extent)
    .chain(([[p, q], m, k, n]) => fc.tuple(tensorsOf([...p, m, k], dtype), tensorsOf([...q, k, n], dtype)))

const wrap = (x: bigint): number => Number(BigInt.asIntN(32, x))

/** out[b.., i, j] = sum_p x[b.., i, p] y[b.., p, j], in exact integers or in doubles. */
const naive = ([x, y]: readonly [Plain, Plain]): Plain => {
  const leading = broadcastShapes(x.shape.slice(0, -2), y.shape.slice(0, -2)) ?? []
  const [m, k] = x.shape.slice(-2)
  const shape: Shape = [...leading, m, y.shape[y.shape.length - 1]]
  return build(shape, x.dtype, (index) => {
    const [batch, i, j] = [index.slice(0, -2), index[index.length - 2], index[index.length - 1]]
    const terms = Array.from({ length: k }, (_, p) => [
      broadcastAt(x, [...batch, i, p]),
      broadcastAt(y, [...batch, p, j])
    ])
    return x.dtype === 'i32'
      ? wrap(terms.reduce((sum, [a, b]) => sum + BigInt(a) * BigInt(b), 0n))
      : terms.reduce((sum, [a, b]) => sum + a * b, 0)
  })
}

describe('matmul', () => {
  it('of integers is the exact sum of products modulo 2^32', () => {
    fc.assert(
      fc.property(products('i32'), ([x, y]) => {
        expect(run(matmul(literalOf(y))(literalOf(x)))).toEqual(naive([x, y]))
      })
    )
  })

  it('of f32 is the sum of products, rounding aside', () => {
    fc.assert(
      fc.property(products('f32'), ([x, y]) => {
        // At most 3 products of at most 16, each sum off by at most 3 roundings.
        expectWithin(2 * 3 * 48 * 2 ** -53, run(matmul(literalOf(y))(literalOf(x)), 'float64'), naive([x, y]))
      })
    )
  })

  it('transposed is the product of the transposes in the other order', () => {
    fc.assert(
      fc.property(products('i32'), ([x, y]) => {
        const [a, b] = [literalOf(x), literalOf(y)]
        expect(run(transpose(matmul(b)(a)))).toEqual(run(matmul(transpose(a))(transpose(b))))
      })
    )
  })

  it('distributes over addition, exactly for integers', () => {
    const triples = fc
      .tuple(extent, extent, extent)
      .chain(([m, k, n]) => fc.tuple(tensorsOf([m, k], 'i32'), tensorsOf([k, n], 'i32'), tensorsOf([k, n], 'i32')))
    fc.assert(
      fc.property(triples, (all) => {
        const [x, y, z] = all.map(literalOf)
        expect(run(matmul(add(z)(y))(x))).toEqual(run(add(matmul(z)(x))(matmul(y)(x))))
      })
    )
  })

  it('takes a vector on the left as a row and on the right as a column, and drops that axis', () => {
    const cases = fc
      .tuple(extent, extent, extent)
      .chain(([b, m, k]) => fc.tuple(tensorsOf([b, m, k], 'i32'), tensorsOf([k], 'i32'), tensorsOf([m], 'i32')))
    fc.assert(
      fc.property(cases, ([x, right, left]) => {
        const [a, r, l] = [x, right, left].map(literalOf)
        const [b, m, k] = x.shape
        expect(run(matmul(r)(a))).toEqual(
          build([b, m], 'i32', ([p, i]) =>
            wrap(right.values.reduce((sum, v, q) => sum + BigInt(v) * BigInt(broadcastAt(x, [p, i, q])), 0n))
          )
        )
        expect(run(matmul(a)(l))).toEqual(
          build([b, k], 'i32', ([p, j]) =>
            wrap(left.values.reduce((sum, v, q) => sum + BigInt(v) * BigInt(broadcastAt(x, [p, q, j])), 0n))
          )
        )
        expect(run(matmul(r)(r)).shape).toEqual([])
      })
    )
  })

  it('of shapes that do not fit is a ShapeMismatch that names both', () => {
    const of = (a: Shape, b: Shape): unknown => faultOf(() => matmul(full(b, 1))(full(a, 1)))
    const mismatch = (a: Shape, b: Shape): unknown => ({ _tag: 'ShapeMismatch', op: 'matmul', shapes: [a, b] })
    const wrong: ReadonlyArray<readonly [Shape, Shape]> = [
      [
        [8, 128],
        [256, 4]
      ],
      [[3], [2]],
      [
        [2, 3, 4],
        [3, 4, 5]
      ],
      [[], [2, 2]],
      [[2, 2], []]
    ]
    wrong.forEach(([a, b]) => expect(of(a, b)).toEqual(mismatch(a, b)))
  })
})

describe('dotGeneral', () => {
  it('keeps batch pairs, sums contracted pairs, then has the free axes of the left and of the right', () => {
    const cases = fc
      .tuple(extent, extent, extent, extent)
      .chain(([b, k, p, q]) => fc.tuple(tensorsOf([k, p, b], 'i32'), tensorsOf([b, q, k], 'i32')))
    fc.assert(
      fc.property(cases, ([x, y]) => {
        const [k, p, b] = x.shape
        const out = dotGeneral(
          { batch: { left: [2], right: [0] }, contract: { left: [0], right: [-1] } },
          literalOf(y)
        )(literalOf(x))
        const expected = build([b, p, y.shape[1]], 'i32', ([r, i, j]) =>
          wrap(
            Array.from(
              { length: k },
              (_, s) => BigInt(broadcastAt(x, [s, i, r])) * BigInt(broadcastAt(y, [r, j, s]))
            ).reduce((sum, t) => sum + t, 0n)
          )
        )
        expect(run(out)).toEqual(expected)
      })
    )
  })

  it('without pairs is the outer product', () => {
    const [x, y] = [
      { shape: [2], dtype: 'f32', values: [1, 2] },
      { shape: [3], dtype: 'f32', values: [3, 4, 5] }
    ] as const
    expect(run(dotGeneral({}, literalOf(y))(literalOf(x)))).toEqual({
      shape: [2, 3],
      dtype: 'f32',
      values: [3, 4, 5, 6, 8, 10]
    })
  })
})
