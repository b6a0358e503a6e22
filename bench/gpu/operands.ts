/**
 * Operands of products that are measured, and their results held against sums in double precision.
 */

import type { Contraction, StridedMatrix } from '../../src/tensor/program/kernel.js'
import { sizeOf } from '../../src/tensor/shape.js'

/** Elements up to the last one that is read. */
const reach = (extents: ReadonlyArray<number>, { offset, batch, row, column }: StridedMatrix): number =>
  extents.reduce((end, extent, i) => end + (extent - 1) * [...batch, row, column][i], offset + 1)

export type Sizes = { readonly left: number; readonly right: number; readonly out: number }

/** Elements of the operands and of the result. */
export const sizesOf = ({ batch, m, n, k, left, right }: Contraction): Sizes => ({
  left: reach([...batch, m, k], left),
  right: reach([...batch, k, n], right),
  out: sizeOf(batch) * m * n
})

/** Multiples of 1/64 in [-1, 1), by a generator of its own, so that f16 holds them exactly. */
export const drawn = (elements: number, seed: number): Float32Array<ArrayBuffer> => {
  const values = new Float32Array(elements)
  let state = seed
  for (let i = 0; i < elements; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    values[i] = ((state >>> 25) - 64) / 64
  }
  return values
}

/** Coordinates of element `z` of a batch. */
const coordinates = (batch: ReadonlyArray<number>, z: number): ReadonlyArray<number> => {
  const found: Array<number> = []
  let rest = z
  for (const extent of [...batch].reverse()) {
    found.unshift(rest % extent)
    rest = Math.floor(rest / extent)
  }
  return found
}

/** Throws unless some elements of the result are what they are in float64, up to how far a sum of k rounded terms may be off. */
export const check = (contraction: Contraction, a: Float32Array, b: Float32Array, out: Float32Array): void => {
  const { batch, m, n, k, left, right } = contraction
  const cells = sizeOf(batch) * m * n
  const start = ({ offset, batch: strides }: StridedMatrix, z: number): number =>
    coordinates(batch, z).reduce((at, x, axis) => at + x * strides[axis], offset)
  for (let sample = 0; sample < 256; sample++) {
    const cell = sample === 0 ? cells - 1 : Math.floor((sample * 0.6180339887 * cells) % cells)
    const [z, i, j] = [Math.floor(cell / (m * n)), Math.floor(cell / n) % m, cell % n]
    const [rowAt, columnAt] = [start(left, z) + i * left.row, start(right, z) + j * right.column]
    let [sum, magnitude] = [0, 0]
    for (let p = 0; p < k; p++) {
      const term = a[rowAt + p * left.column] * b[columnAt + p * right.row]
      sum += term
      magnitude += Math.abs(term)
    }
    if (!(Math.abs(sum - out[cell]) <= 2 * (k + 1) * 2 ** -24 * magnitude))
      throw new Error(`WRONG at ${cell}: ${out[cell]}, not ${sum}`)
  }
}
