/**
 * The multiplier of the `js` device: a blocked, packed product in plain JavaScript.
 *
 * Every element of the result is the sum over `k` in order, in double precision, rounded once to f32: it depends on its
 * own row and column and on nothing else, not on how the product is cut into blocks or into batches.
 *
 * Panels of both sides are packed as doubles, so that the inner loop reads forward and converts nothing. A register tile
 * of 3 x 4 was the fastest of those tried (3x3, 2x4, 4x4; doubles against rounded singles) on V8 for x64: its twelve sums
 * and the operands fit the sixteen vector registers.
 */

import * as E from 'fp-ts/lib/Either.js'
import { sizeOf } from '../shape.js'
import type { Contraction, Multiplier, Multiply, StridedMatrix } from './multiplier.js'

const tileRows = 3
const tileColumns = 4

/** Block extents: the packed panels (`rows * depth` and `depth * columns` doubles) and the sums stay in the caches. */
const rows = 96
const columns = 64
const depth = 256

/** Working memory, shared by all products of one multiplier, which run one after another. */
type Scratch = { readonly left: Float64Array; readonly right: Float64Array; readonly sums: Float64Array }

/**
 * Packs `count` lines of `length` elements, in groups of `width` lines that lie side by side. Places for lines past the last
 * keep what they held: their sums are never read. Line `i`, element `p` is at `start + i * line + p * step`.
 */
const pack = (
  from: Float32Array,
  start: number,
  line: number,
  step: number,
  count: number,
  length: number,
  width: number,
  to: Float64Array
): void => {
  let next = 0
  for (let group = 0; group < count; group += width) {
    const filled = Math.min(width, count - group)
    for (let i = 0; i < filled; i++) {
      let at = start + (group + i) * line
      for (let p = 0, out = next + i; p < length; p++, out += width, at += step) to[out] = from[at]
    }
    next += width * length
  }
}

/** Adds to a 3 x 4 tile of sums, `columns` apart, the product of one packed group of each side. */
const multiplyTile = (
  left: Float64Array,
  right: Float64Array,
  sums: Float64Array,
  k: number,
  leftAt: number,
  rightAt: number,
  at: number
): void => {
  const row1 = at + columns
  const row2 = row1 + columns
  let s00 = sums[at]
  let s01 = sums[at + 1]
  let s02 = sums[at + 2]
  let s03 = sums[at + 3]
  let s10 = sums[row1]
  let s11 = sums[row1 + 1]
  let s12 = sums[row1 + 2]
  let s13 = sums[row1 + 3]
  let s20 = sums[row2]
  let s21 = sums[row2 + 1]
  let s22 = sums[row2 + 2]
  let s23 = sums[row2 + 3]
  let a = leftAt
  let b = rightAt
  for (let p = 0; p < k; p++) {
    const b0 = right[b]
    const b1 = right[b + 1]
    const b2 = right[b + 2]
    const b3 = right[b + 3]
    const a0 = left[a]
    s00 += a0 * b0
    s01 += a0 * b1
    s02 += a0 * b2
    s03 += a0 * b3
    const a1 = left[a + 1]
    s10 += a1 * b0
    s11 += a1 * b1
    s12 += a1 * b2
    s13 += a1 * b3
    const a2 = left[a + 2]
    s20 += a2 * b0
    s21 += a2 * b1
    s22 += a2 * b2
    s23 += a2 * b3
    a += tileRows
    b += tileColumns
  }
  sums[at] = s00
  sums[at + 1] = s01
  sums[at + 2] = s02
  sums[at + 3] = s03
  sums[row1] = s10
  sums[row1 + 1] = s11
  sums[row1 + 2] = s12
  sums[row1 + 3] = s13
  sums[row2] = s20
  sums[row2 + 1] = s21
  sums[row2 + 2] = s22
  sums[row2 + 3] = s23
}

/** One matrix of the batch: `left` and `right` start at the given offsets, the result at `outAt`. */
const multiplyMatrix = (
  { m, n, k, left: l, right: r }: Contraction,
  scratch: Scratch,
  left: Float32Array,
  leftAt: number,
  right: Float32Array,
  rightAt: number,
  out: Float32Array,
  outAt: number
): void => {
  const { sums } = scratch
  for (let j0 = 0; j0 < n; j0 += columns) {
    const width = Math.min(columns, n - j0)
    for (let i0 = 0; i0 < m; i0 += rows) {
      const height = Math.min(rows, m - i0)
      sums.fill(0, 0, Math.ceil(height / tileRows) * tileRows * columns)
      for (let p0 = 0; p0 < k; p0 += depth) {
        const length = Math.min(depth, k - p0)
        // With a single block of depth the right panel stays packed for all blocks of rows.
        if (i0 === 0 || k > depth)
          pack(right, rightAt + p0 * r.row + j0 * r.column, r.column, r.row, width, length, tileColumns, scratch.right)
        pack(left, leftAt + i0 * l.row + p0 * l.column, l.row, l.column, height, length, tileRows, scratch.left)
        for (let j = 0; j < width; j += tileColumns)
          for (let i = 0; i < height; i += tileRows)
            multiplyTile(scratch.left, scratch.right, sums, length, i * length, j * length, i * columns + j)
      }
      for (let i = 0; i < height; i++) {
        const line = outAt + (i0 + i) * n + j0
        for (let j = 0; j < width; j++) out[line + j] = sums[i * columns + j]
      }
    }
  }
}

/** The flat places of every matrix of a batch, in row-major order of the batch. */
const startsOf = (batch: ReadonlyArray<number>, { offset, batch: strides }: StridedMatrix): ReadonlyArray<number> =>
  batch.reduce<ReadonlyArray<number>>(
    (starts, extent, axis) => starts.flatMap((at) => Array.from({ length: extent }, (_, i) => at + i * strides[axis])),
    [offset]
  )

const prepare =
  (scratch: Scratch) =>
  (contraction: Contraction): Multiply<'sync'> => {
    const { batch, m, n, left: l, right: r } = contraction
    const count = sizeOf(batch)
    const [lefts, rights] = [startsOf(batch, l), startsOf(batch, r)]
    return (left, right, out) => () => {
      for (let b = 0; b < count; b++)
        multiplyMatrix(contraction, scratch, left, lefts[b], right, rights[b], out, b * m * n)
      return E.right(undefined)
    }
  }

/** A multiplier with working memory of its own (about half a megabyte). */
export const own = (): Multiplier<'sync'> => {
  const scratch: Scratch = {
    left: new Float64Array(rows * depth),
    right: new Float64Array(columns * depth),
    sums: new Float64Array(rows * columns)
  }
  return {
    name: 'own',
    timing: 'sync',
    prepare: (contraction) => E.right(prepare(scratch)(contraction)),
    release: () => Promise.resolve()
  }
}
