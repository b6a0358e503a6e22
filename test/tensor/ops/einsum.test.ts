import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { matmul } from '../../../src/tensor/ops/contract.js'
import { full } from '../../../src/tensor/ops/create.js'
import { einsum } from '../../../src/tensor/ops/einsum.js'
import { permute, transpose } from '../../../src/tensor/ops/movement.js'
import { sum } from '../../../src/tensor/ops/reduce.js'
import type { Shape } from '../../../src/tensor/shape.js'
import { tensors, tensorsOf } from '../../arbitraries.js'
import { at, build, faultOf, literalOf, run, total, type Plain } from '../../plain.js'

const letters = ['i', 'j', 'k', 'l']

type Case = { readonly operands: ReadonlyArray<string>; readonly output: string; readonly xs: ReadonlyArray<Plain> }

/** Random subscripts over four letters, letters repeating freely within and between operands. Small exact integers. */
const cases: fc.Arbitrary<Case> = fc
  .record({
    operands: fc.array(
      fc.array(fc.constantFrom(...letters), { maxLength: 3 }).map((word) => word.join('')),
      { minLength: 1, maxLength: 3 }
    ),
    extents: fc.tuple(...letters.map(() => fc.nat({ max: 3 }))),
    chosen: fc.shuffledSubarray(letters)
  })
  .chain(({ operands, extents, chosen }) => {
    const shapeOf = (word: string): Shape => [...word].map((letter) => extents[letters.indexOf(letter)])
    const output = chosen.filter((letter) => operands.some((word) => word.includes(letter))).join('')
    return fc
      .tuple(...operands.map((word) => tensorsOf(shapeOf(word), 'i32', fc.integer({ min: -9, max: 9 }))))
      .map((xs) => ({ operands, output, xs }))
  })

/** For every value of the output letters, the sum over every value of the others of the product of the elements. */
const naive = ({ operands, output, xs }: Case): Plain => {
  const extents = new Map(operands.flatMap((word, i) => [...word].map((letter, axis) => [letter, xs[i].shape[axis]])))
  const extentOf = (letter: string): number => extents.get(letter) ?? 0
  const others = [...extents.keys()].filter((letter) => !output.includes(letter))
  const order = [...output, ...others]
  return build([...output].map(extentOf), 'i32', (outer) =>
    total(others.map(extentOf), (inner) => {
      const index = [...outer, ...inner]
      return operands.reduce(
        (product, word, i) =>
          product *
          at(
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
    ['ijk', 1, 'too many letters']
  ])("'%s' with %i matrices is a fault: %s", (subscripts, count) => {
    const xs = Array.from({ length: count }, () => full([2, 2], 1))
    expect(faultOf(() => einsum(subscripts)(...xs))).toMatchObject({ _tag: 'InvalidArgument', op: 'einsum' })
  })

  it('of one letter with two extents is a ShapeMismatch', () => {
    expect(faultOf(() => einsum('ij,jk')(full([2, 3], 1), full([2, 3], 1)))).toMatchObject({
      _tag: 'ShapeMismatch',
      shapes: [
        [2, 3],
        [2, 3]
      ]
    })
  })
})
