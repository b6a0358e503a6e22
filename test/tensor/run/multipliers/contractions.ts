/**
 * Random contractions with operands to go with them, and the product they define, written naively in float64.
 */

import fc from 'fast-check'
import { sizeOf } from '../../../../src/tensor/shape.js'
import type { Contraction, StridedMatrix } from '../../../../src/tensor/program/kernel.js'

export type Case = {
  readonly contraction: Contraction
  readonly left: Float32Array
  readonly right: Float32Array
}

type Operand = { readonly matrix: StridedMatrix; readonly length: number }

/**
 * A view of `[...batch, rows, columns]`: the axes in any order in memory, with gaps between, some of them repeated
 * (stride 0), some of them backwards, somewhere inside an array that is longer than the view.
 */
const operand = (batch: ReadonlyArray<number>, rows: number, columns: number, unit: number): fc.Arbitrary<Operand> => {
  const extents = [...batch, rows, columns]
  const axes = extents.map((_, axis) => axis)
  const perAxis = <A>(value: fc.Arbitrary<A>): fc.Arbitrary<ReadonlyArray<A>> =>
    fc.array(value, { minLength: axes.length, maxLength: axes.length })
  return fc
    .record({
      order: fc.shuffledSubarray(axes, { minLength: axes.length }),
      gap: perAxis(fc.nat({ max: 2 }).map((n) => n * unit)),
      isRepeated: perAxis(fc.nat({ max: 4 }).map((n) => n === 4)),
      isReversed: perAxis(fc.nat({ max: 4 }).map((n) => n === 4)),
      before: fc.nat({ max: 3 }).map((n) => n * unit),
      after: fc.nat({ max: 3 })
    })
    .map(({ order, gap, isRepeated, isReversed, before, after }) => {
      const strides = extents.map(() => 0)
      let step = 1
      for (const axis of order) {
        if (isRepeated[axis]) continue
        strides[axis] = step
        step *= extents[axis] + gap[axis]
      }
      const spans = strides.map((stride, axis) => stride * (extents[axis] - 1))
      const offset = before + spans.filter((_, axis) => isReversed[axis]).reduce((a, b) => a + b, 0)
      const directed = strides.map((stride, axis) => (isReversed[axis] ? -stride : stride))
      return {
        matrix: {
          offset,
          batch: directed.slice(0, batch.length),
          row: directed[batch.length],
          column: directed[batch.length + 1]
        },
        length: before + spans.reduce((a, b) => a + b, 0) + 1 + after
      }
    })
}

const filled = (length: number, element: fc.Arbitrary<number>): fc.Arbitrary<Float32Array> =>
  fc.array(element, { minLength: length, maxLength: length }).map((values) => Float32Array.from(values))

export type Sizes = {
  readonly batch: fc.Arbitrary<ReadonlyArray<number>>
  readonly m: fc.Arbitrary<number>
  readonly n: fc.Arbitrary<number>
  readonly k: fc.Arbitrary<number>
  /** Gaps and offsets are multiples of it. */
  readonly unit: number
}

const upTo5 = fc.integer({ min: 1, max: 5 })

/** Batches of up to three axes, matrices of up to 5 by 5. */
export const small: Sizes = {
  batch: fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 3 }),
  m: upTo5,
  n: upTo5,
  k: upTo5,
  unit: 1
}

export const cases = ({ batch, m, n, k, unit }: Sizes, element: fc.Arbitrary<number>): fc.Arbitrary<Case> =>
  fc.record({ batch, m, n, k }).chain((sizes) =>
    fc
      .tuple(operand(sizes.batch, sizes.m, sizes.k, unit), operand(sizes.batch, sizes.k, sizes.n, unit))
      .chain(([left, right]) =>
        fc.record({
          contraction: fc.constant({ ...sizes, left: left.matrix, right: right.matrix }),
          left: filled(left.length, element),
          right: filled(right.length, element)
        })
      )
  )

/** Hundredths in [-4, 4], so that failures shrink to readable numbers. */
export const hundredths = fc.integer({ min: -400, max: 400 }).map((n) => n / 100)

export const resultSize = ({ batch, m, n }: Contraction): number => sizeOf(batch) * m * n

/** For every element of the result, the exact sum (to float64) and the sum of the absolute values of its terms. */
export const naive = ({
  contraction,
  left,
  right
}: Case): { readonly sums: Float64Array; readonly magnitudes: Float64Array } => {
  const { batch, m, n, k, left: a, right: b } = contraction
  const sums = new Float64Array(resultSize(contraction))
  const magnitudes = new Float64Array(sums.length)
  for (let cell = 0; cell < sums.length; cell++) {
    const j = cell % n
    const i = Math.floor(cell / n) % m
    let rest = Math.floor(cell / (n * m))
    let atLeft = a.offset + i * a.row
    let atRight = b.offset + j * b.column
    for (let d = batch.length - 1; d >= 0; d--) {
      atLeft += (rest % batch[d]) * a.batch[d]
      atRight += (rest % batch[d]) * b.batch[d]
      rest = Math.floor(rest / batch[d])
    }
    for (let p = 0; p < k; p++) {
      const term = left[atLeft + p * a.column] * right[atRight + p * b.row]
      sums[cell] += term
      magnitudes[cell] += Math.abs(term)
    }
  }
  return { sums, magnitudes }
}

/**
 * The largest excess of `found` over its allowance. Each of the k products and k additions of one sum rounds once, by at
 * most 2^-24 of a value no larger than the sum of absolute terms: `(k + 1) 2^-24 sum |a b|` to first order. Twice that
 * covers the rest of the series.
 */
export const excess = (known: Case, found: Float32Array): number => {
  const { sums, magnitudes } = naive(known)
  const unit = 2 * (known.contraction.k + 1) * 2 ** -24
  return Math.max(...sums.map((sum, cell) => Math.abs(found[cell] - sum) - unit * magnitudes[cell]))
}
