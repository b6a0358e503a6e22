import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { matmul } from '../../../src/tensor/ops/contract.js'
import { full } from '../../../src/tensor/ops/create.js'
import { einsum } from '../../../src/tensor/ops/einsum.js'
import { permute, transpose } from '../../../src/tensor/ops/movement.js'
import { sum } from '../../../src/tensor/ops/reduce.js'
import { sizeOf, type Shape } from '../../../src/tensor/shape.js'
import { tensors, tensorsOf } from '../../arbitraries.js'
import { broadcastAt, build, faultOf, literalOf, run, total, type Plain } from '../../plain.js'

const letters = ['i', 'j', 'k', 'l']

type Case = { readonly operands: ReadonlyArray<string>; readonly output: string; readonly xs: ReadonlyArray<Plain> }

/**
 * Random subscripts over four letters, letters repeating freely within and between operands, any letter with an extent of 1 in
 * some operands. Small exact integers.
 */
const cases: fc.Arbitrary<Case> = fc
  .record({
    operands: fc.array(
      fc.record({
        word: fc.array(fc.constantFrom(...letters), { maxLength: 3 }).map((word) => word.join('')),
        ones: fc.subarray(letters)
      }),
      { minLength: 1, maxLength: 3 }
    ),
    extents: fc.tuple(...letters.map(() => fc.nat({ max: 3 }))),
    chosen: fc.shuffledSubarray(letters)
  })
  .chain(({ operands, extents, chosen }) => {
    const shapeOf = ({ word, ones }: (typeof operands)[number]): Shape =>
      [...word].map((letter) => (ones.includes(letter) ? 1 : extents[letters.indexOf(letter)]))
    const output = chosen.filter((letter) => operands.some(({ word }) => word.includes(letter))).join('')
    return fc
      .tuple(...operands.map((operand) => tensorsOf(shapeOf(operand), 'i32', fc.integer({ min: -9, max: 9 }))))
      .map((xs) => ({ operands: operands.map(({ word }) => word), output, xs }))
  })

/** For every value of the output letters, the sum over every value of the others of the product of the elements. */
const naive = ({ operands, output, xs }: Case): Plain => {
  const found = operands.flatMap((word, i) => [...word].map((letter, axis) => [letter, xs[i].shape[axis]] as const))
  const extentOf = (letter: string): number => found.find(([l, extent]) => l === letter && extent !== 1)?.[1] ?? 1
  const others = [...new Set(found.map(([letter]) => letter))].filter((letter) => !output.includes(letter))
  const order = [...output, ...others]
  return build([...output].map(extentOf), 'i32', (outer) =>
    total(others.map(extentOf), (inner) => {
      const index = [...outer, ...inner]
      return operands.reduce(
        (product, word, i) =>
          product *
          broadcastAt(
            xs[i],
            [...word].map((l) => index[order.indexOf(l)])
          ),
        1
      )
    })
  )
}

describe('einsum', () => {
  it('is the sum over all other letters of the product of the operands', () => {
    fc.assert(
      fc.property(cases, (c) => {
        const found = einsum(`${c.operands.join(',')}->${c.output}`)(...c.xs.map(literalOf))
        // `| 0` only turns the -0 that a product of doubles may leave into 0: at most 4^4 terms of at most 9^3 are exact.
        const expected = naive(c)
        expect(run(found)).toEqual({ ...expected, values: expected.values.map((v) => v | 0) })
      }),
      { numRuns: 300 }
    )
  })

  it('without an arrow keeps the letters that occur once, alphabetically', () => {
    fc.assert(
      fc.property(tensorsOf([2, 3], 'i32'), tensorsOf([3, 4], 'i32'), (x, y) => {
        const [a, b] = [literalOf(x), literalOf(y)]
        expect(run(einsum('ij,jk')(a, b))).toEqual(run(matmul(b)(a)))
        expect(run(einsum('kj,ji')(a, b))).toEqual(run(transpose(matmul(b)(a))))
        expect(run(einsum('ba')(a))).toEqual(run(transpose(a)))
      })
    )
  })

  it('of one operand sums and permutes', () => {
    fc.assert(
      fc.property(tensors('i32', { minRank: 3, maxRank: 3 }), (x) => {
        expect(run(einsum('ijk -> ki')(literalOf(x)))).toEqual(run(permute([1, 0])(sum({ axes: 1 })(literalOf(x)))))
      })
    )
  })

  it('with an ellipsis treats the axes it stands for as letters that align at the last', () => {
    // Two leading axes at most, written as letters in the naive definition and as `...` in the other.
    const extents = fc.tuple(fc.nat({ max: 3 }), fc.nat({ max: 3 }), fc.nat({ max: 3 }), fc.nat({ max: 3 }))
    const front = fc.record({ rank: fc.nat({ max: 2 }), ones: fc.tuple(fc.boolean(), fc.boolean()) })
    const words = extents.chain(([a, b, i, j]) =>
      fc.tuple(front, front).chain((fronts) => {
        const shapes = fronts.map(({ rank, ones }, n) => [
          ...[a, b].map((d, axis) => (ones[axis] ? 1 : d)).slice(2 - rank),
          ...[i, j].slice(0, 2 - n)
        ])
        return fc
          .tuple(...shapes.map((shape) => tensorsOf(shape, 'i32', fc.integer({ min: -9, max: 9 }))))
          .map((xs) => ({
            operands: fronts.map(({ rank }, n) => 'ab'.slice(2 - rank) + 'ij'.slice(0, 2 - n)),
            output: `${'ab'.slice(2 - Math.max(...fronts.map(({ rank }) => rank)))}j`,
            xs
          }))
      })
    )
    fc.assert(
      fc.property(words, (c) => {
        const expected = naive(c)
        const found = einsum('...ij, ...i -> ...j')(...c.xs.map(literalOf))
        expect(run(found)).toEqual({ ...expected, values: expected.values.map((v) => v | 0) })
      })
    )
  })

  // Computed by numpy.einsum (NumPy 2.4). Element `e` of operand `n` is `(7 e + 3 n) mod 11 - 5`.
  it.each<readonly [string, ReadonlyArray<Shape>, Shape, ReadonlyArray<number>]>([
    [
      'ij,jk',
      [
        [2, 1],
        [3, 2]
      ],
      [2, 2],
      [-15, -10, 6, 4]
    ],
    [
      'ij,jk',
      [
        [2, 1],
        [0, 2]
      ],
      [2, 2],
      [0, 0, 0, 0]
    ],
    ['ii,i->i', [[1, 1], [3]], [3], [10, -25, -5]],
    [
      'ij,ij->ij',
      [
        [1, 3],
        [2, 1]
      ],
      [2, 3],
      [10, -4, 4, -25, 10, -10]
    ],
    ['i,i,i', [[1], [2], [1]], [], [-15]],
    ['i,i,i->', [[3], [1], [3]], [], [38]],
    ['...i', [[2, 3]], [2, 3], [-5, 2, -2, 5, 1, -3]],
    ['ba...', [[2, 1, 3]], [3, 1, 2], [-5, 5, 2, 1, -2, -3]],
    ['i...->...', [[2, 3]], [3], [0, 3, -5]],
    ['...', [[]], [], [-5]],
    ['i...', [[3]], [3], [-5, 2, -2]],
    ['... i j -> ... j i', [[2, 2, 2]], [2, 2, 2], [-5, -2, 2, 5, 1, 4, -3, 0]],
    ['...ii->...i', [[2, 2, 2]], [2, 2], [-5, 5, 1, 0]],
    [
      '...ij,...jk',
      [
        [2, 1, 2],
        [2, 2]
      ],
      [2, 1, 2],
      [12, -31, 9, -25]
    ],
    [
      'i...,i...->...',
      [
        [2, 2],
        [2, 3, 1]
      ],
      [3, 2],
      [16, -19, -33, 30, -5, 2]
    ],
    [
      'i...,j...->ij...',
      [
        [2, 2],
        [2, 2, 1]
      ],
      [2, 2, 2, 2],
      [10, -4, -25, 10, -5, 2, 15, -6, 4, -10, -10, 25, -2, 5, 6, -15]
    ],
    ['...,...', [[2, 3], [3]], [2, 3], [10, 10, -2, -10, 5, -3]],
    ['i,...->...i', [[2], [1, 3]], [1, 3, 2], [10, -4, -25, 10, -5, 2]],
    ['i->...i', [[3]], [3], [-5, 2, -2]],
    ['ij->...', [[2, 3]], [], [-2]],
    [
      '...i,...i',
      [
        [2, 3],
        [2, 3]
      ],
      [2],
      [18, -11]
    ],
    ['i...j->ij', [[2, 3]], [2, 3], [-5, 2, -2, 5, 1, -3]],
    ['', [[]], [], [-5]],
    ['A...a,a->...A', [[2, 3, 1], [4]], [3, 2], [-5, 5, 2, 1, -2, -3]]
  ])("'%s' of %j is NumPy's", (subscripts, operands, shape, values) => {
    const xs = operands.map((of, n) => {
      const elements = Array.from({ length: sizeOf(of) }, (_, e) => ((7 * e + 3 * n) % 11) - 5)
      return literalOf({ shape: of, dtype: 'i32', values: elements })
    })
    expect(run(einsum(subscripts)(...xs))).toEqual({ shape, dtype: 'i32', values })
  })

  it('of a repeated letter takes the diagonal, and sees nothing beside it', () => {
    const x = literalOf({ shape: [2, 2], dtype: 'f32', values: [1, NaN, Infinity, 4] })
    expect(run(einsum('ii->i')(x)).values).toEqual([1, 4])
    expect(run(einsum('ii')(x)).values).toEqual([5])
  })

  it.each([
    ['ij->k', 1, 'a letter of the result that no operand has'],
    ['ij->ii', 1, 'a letter twice in the result'],
    ['ij;jk', 2, 'a character that is no letter'],
    ['ij->j->i', 1, 'two arrows'],
    ['ij', 2, 'too few operands'],
    ['ijk', 1, 'too many letters'],
    ['ijk...', 1, 'too many letters beside an ellipsis'],
    ['i..', 1, 'two points'],
    ['. ..i', 1, 'an ellipsis in pieces'],
    ['...i...', 1, 'two ellipses'],
    ['...i->i', 1, 'a result that leaves out the axes of an ellipsis']
  ])("'%s' with %i matrices is a fault: %s", (subscripts, count) => {
    const xs = Array.from({ length: count }, () => full([2, 2], 1))
    expect(faultOf(() => einsum(subscripts)(...xs))).toMatchObject({ _tag: 'InvalidArgument', op: 'einsum' })
  })

  it('of one letter with two extents is a ShapeMismatch, in one operand even where one is 1', () => {
    expect(faultOf(() => einsum('ii')(full([1, 3], 1)))).toMatchObject({ _tag: 'ShapeMismatch', shapes: [[1, 3]] })
    expect(faultOf(() => einsum('...,...')(full([2], 1), full([3], 1)))).toMatchObject({ _tag: 'ShapeMismatch' })
    expect(faultOf(() => einsum('ij,jk')(full([2, 3], 1), full([2, 3], 1)))).toMatchObject({
      _tag: 'ShapeMismatch',
      shapes: [
        [2, 3],
        [2, 3]
      ]
    })
  })
})
