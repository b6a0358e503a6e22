import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { contractionOf, densified, flattened, isMatrix, operandOf } from '../../../src/tensor/program/contraction.js'
import { dense, permuteView } from '../../../src/tensor/program/views.js'
import type { Affine, StridedMatrix } from '../../../src/tensor/program/kernel.js'
import { sizeOf, type Shape } from '../../../src/tensor/shape.js'

const walk = (extents: Shape, offset: number, strides: ReadonlyArray<number>): ReadonlyArray<number> =>
  extents.reduce<ReadonlyArray<number>>(
    (places, extent, axis) => places.flatMap((p) => Array.from({ length: extent }, (_, i) => p + i * strides[axis])),
    [offset]
  )

const extents = fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 2 })

/** A view of `shape` whose axes are stored in some order, some of them repeated. */
const stored = (shape: Shape): fc.Arbitrary<Affine> =>
  fc
    .record({
      order: fc.shuffledSubarray(
        shape.map((_, axis) => axis),
        { minLength: shape.length }
      ),
      repeated: fc.array(fc.boolean(), { minLength: shape.length, maxLength: shape.length })
    })
    .map(({ order, repeated }) => {
      const inner = dense(order.map((axis) => shape[axis]))
      const at = permuteView({ _tag: 'permute', order: shape.map((_, axis) => order.indexOf(axis)) }, inner)
      return { offset: 3, strides: at.strides.map((s, axis) => (repeated[axis] && repeated[0] ? 0 : s)) }
    })

const range = (from: number, to: number): ReadonlyArray<number> => Array.from({ length: to - from }, (_, i) => from + i)

/** Operands with axes batch, free, contract, and their views. */
const operands = fc.tuple(extents, extents, extents, extents).chain(([batch, rows, columns, inner]) =>
  fc.tuple(stored([...batch, ...rows, ...inner]), stored([...batch, ...columns, ...inner])).map(([left, right]) => {
    const operand = (free: Shape, at: Affine) =>
      operandOf(
        [...batch, ...free, ...inner],
        at,
        range(0, batch.length),
        range(batch.length + free.length, batch.length + free.length + inner.length)
      )
    return { batch, rows, columns, inner, left: operand(rows, left), right: operand(columns, right) }
  })
)

describe('contractionOf', () => {
  it('reads the same places in the same order as the operands, merged or not', () => {
    fc.assert(
      fc.property(operands, ({ batch, rows, columns, inner, left: l, right: r }) => {
        const left = isMatrix(l) ? l : densified(l)
        const right = isMatrix(r) ? r : densified(r)
        const c = contractionOf(left, right)
        const places = (m: StridedMatrix, lines: number, step: 'row' | 'column'): ReadonlyArray<number> =>
          step === 'row'
            ? walk([...c.batch, lines, c.k], m.offset, [...m.batch, m.row, m.column])
            : walk([...c.batch, lines, c.k], m.offset, [...m.batch, m.column, m.row])
        const all = [...batch, ...rows, ...inner]
        expect(places(c.left, c.m, 'row')).toEqual(walk(all, left.offset, flattened(left).at.strides))
        // The right side repeats over what became rows.
        const folded = c.m / sizeOf(rows)
        const whole = walk([...batch, ...columns, ...inner], right.offset, flattened(right).at.strides)
        const block = c.n * c.k
        const once = range(0, sizeOf(c.batch)).flatMap((b) => whole.slice(b * folded * block, (b * folded + 1) * block))
        expect(places(c.right, c.n, 'column')).toEqual(once)
        range(0, sizeOf(batch)).forEach((b) => {
          const first = Math.floor(b / folded) * folded
          expect(whole.slice(b * block, (b + 1) * block)).toEqual(whole.slice(first * block, (first + 1) * block))
        })
        expect(sizeOf([...c.batch, c.m, c.n])).toBe(sizeOf([...batch, ...rows, ...columns]))
      }),
      { numRuns: 500 }
    )
  })

  it('is one product where a batch only adds rows to one matrix', () => {
    const left = operandOf([4, 5, 6], dense([4, 5, 6]), [0], [2])
    const right = operandOf([4, 6, 7], { offset: 0, strides: [0, 7, 1] }, [0], [1])
    expect(contractionOf(left, right)).toMatchObject({ batch: [], m: 20, n: 7, k: 6 })
  })

  it('stays a batch where the rows do not continue', () => {
    const left = operandOf([4, 5, 6], { offset: 0, strides: [6, 24, 1] }, [0], [2])
    const right = operandOf([4, 6, 7], { offset: 0, strides: [0, 7, 1] }, [0], [1])
    expect(contractionOf(left, right)).toMatchObject({ batch: [4], m: 5 })
  })
})
