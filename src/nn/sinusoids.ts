/**
 * Positions as sines and cosines, and matrices that read a neighbour's position as others read a token's own.
 *
 * With `h` pairs of a sine and a cosine at the frequencies `pi (k + 1/2) / h`, the rows of two different places less than `2 h`
 * apart are orthogonal, and moving on by `d` places turns every pair by its own angle: a linear map. Sines come first, so
 * the pair `k` is the columns `k` and `h + k`.
 */

import { pipe } from 'fp-ts/lib/function.js'
import { invalidArgument } from '../tensor/fault.js'
import {
  add,
  arange,
  concat,
  cos,
  expandDims,
  mul,
  sin,
  slice,
  sub,
  tensor,
  type Shape,
  type Tensor
} from '../tensor/index.js'
import { showShape } from '../tensor/shape.js'
import type { Initialiser } from './initialiser.js'

const expectPairs = (op: string, shape: Shape): void => {
  if (shape.length !== 2 || shape[1] % 2 !== 0)
    throw invalidArgument(op, `shape ${showShape(shape)}`, 'a matrix of even width')
}

/** `pi (k + 1/2) / h` for each of h pairs, in radians a row. */
export const pairFrequencies = (pairs: number): ReadonlyArray<number> =>
  Array.from({ length: pairs }, (_, k) => (Math.PI * (k + 0.5)) / pairs)

/**
 * Every number of the column times every number of the row. Sines and cosines of it are the device's: engines round their own
 * differently.
 */
const products = (column: Tensor, row: ReadonlyArray<number>): Tensor =>
  pipe(column, expandDims(1), mul(tensor(Float32Array.from(row), { shape: [1, row.length] })))

/**
 * Sines and cosines of the row's number:
 *
 *     w[p, k] = a sin(p f[k]),    w[p, h + k] = a cos(p f[k]),    f[k] = pi (k + 1/2) / h
 *
 * So rows less than 2 h apart are orthogonal, of the square `a^2 h` each. After Vaswani et al. 2017, section 3.5,
 * https://arxiv.org/abs/1706.03762, whose frequencies fall by powers. The key is not used. Throws `InvalidArgument` unless the
 * shape is a matrix of even width.
 */
export const sinusoids =
  (amplitude: number): Initialiser =>
  (_, shape) => {
    expectPairs('sinusoids', shape)
    const [rows, width] = shape
    const angle = products(arange(rows, 'f32'), pairFrequencies(width / 2))
    return pipe(concat(1)([sin(angle), cos(angle)]), mul(amplitude))
  }

/**
 * A matrix that reads of place `p + offset` what the drawn one reads of `p`, where its inputs hold sinusoids of these
 * frequencies: `(rotated W) s(p + offset) = W s(p)`. The rows are divided evenly among the offsets, in order.
 *
 * Throws `InvalidArgument` unless the shape is a matrix of two columns for each frequency, and of as many rows for each offset.
 */
export const offsetRotation =
  (frequencies: ReadonlyArray<number>, offsets: ReadonlyArray<number>, initialiser: Initialiser): Initialiser =>
  (key, shape) => {
    expectPairs('offsetRotation', shape)
    const [rows, width] = shape
    const half = width / 2
    if (half !== frequencies.length || rows % offsets.length !== 0)
      throw invalidArgument(
        'offsetRotation',
        `shape ${showShape(shape)}`,
        `two columns for each of ${frequencies.length} frequencies, rows for each of ${offsets.length} offsets`
      )
    const offsetOf = Float32Array.from({ length: rows }, (_, i) => offsets[Math.floor((i * offsets.length) / rows)])
    const angle = products(tensor(offsetOf), frequencies)
    const drawn = initialiser(key, shape)
    const sines = pipe(drawn, slice([null, [0, half]]))
    const cosines = pipe(drawn, slice([null, [half, width]]))
    return concat(1)([
      pipe(sines, mul(cos(angle)), add(pipe(cosines, mul(sin(angle))))),
      pipe(cosines, mul(cos(angle)), sub(pipe(sines, mul(sin(angle)))))
    ])
  }

/** Row i is `value` in the column `columns[i]` and 0 elsewhere. The key is not used. */
export const columnSelection =
  (columns: ReadonlyArray<number>, value = 1): Initialiser =>
  (_, shape) => {
    const [rows, width] = shape
    if (shape.length !== 2 || rows !== columns.length)
      throw invalidArgument('columnSelection', `shape ${showShape(shape)}`, `a matrix of ${columns.length} rows`)
    const values = new Float32Array(rows * width)
    columns.forEach((column, i) => {
      values[i * width + column] = value
    })
    return tensor(values, { shape })
  }
