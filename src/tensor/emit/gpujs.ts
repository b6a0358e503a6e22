/**
 * Contractions as gpu.js kernels: source text in the subset of JavaScript that gpu.js translates, and the thread grid and
 * array lengths it is to be built for.
 *
 * One thread computes one element: x is the column, y the row and z the batch element, so that coordinates arrive as
 * exact integers. The text keeps to what gpu.js translates without changing its meaning:
 *
 * - loop bounds are literals (any other loop stops after 1,000 turns);
 * - index arithmetic stands inside the brackets (an integer kept in a local becomes a float, exact only up to 2^24);
 * - `/` is a float division, so a batch index is split as `floor((z + 1/2) / d)`, which a division good to 2.5 ulp leaves
 *   exact while `z < 2^23 / 5`, and `| 0` makes it an integer again.
 *
 * Only sizes and strides are printed, never a place in an array: views of equal form share one kernel.
 */

import * as E from 'fp-ts/lib/Either.js'
import type { DeviceError } from '../run/device.js'
import type { Contraction, StridedMatrix } from '../program/kernel.js'

/** The stretch of an operand's array that a kernel reads, and all that it is handed. */
export type Window = { readonly start: number; readonly length: number }

export type GpuJsKernel = {
  readonly source: string
  /** Threads along x, y and z: columns, rows, batch elements. */
  readonly output: readonly [number, number, number]
  readonly left: Window
  readonly right: Window
}

/** The names of the kernel's two arguments in `source`. */
export const operandNames = ['left', 'right'] as const

/** WebGPU dispatches at most this many workgroups along an axis; gpu.js makes them 8 by 8 by 1 threads. */
const maxWorkgroups = 65_535
const maxThreads = { columns: 8 * maxWorkgroups, rows: 8 * maxWorkgroups, batch: maxWorkgroups }

/** `coefficient * name`, where `name` counts from 0 up to `extent`. */
type Term = { readonly name: string; readonly coefficient: number }

/** One of the counters that an address is made of; in memory its steps are `stride` apart. */
type Axis = { readonly extent: number; readonly stride: number }

const product = (sizes: ReadonlyArray<number>): number => sizes.reduce((a, b) => a * b, 1)

/** Lowest and highest address reached, relative to the address where every counter is 0. */
const reach = (axes: ReadonlyArray<Axis>): readonly [number, number] => {
  const ends = axes.map(({ extent, stride }) => (extent - 1) * stride)
  return [
    ends.filter((end) => end < 0).reduce((a, b) => a + b, 0),
    ends.filter((end) => end > 0).reduce((a, b) => a + b, 0)
  ]
}

/** The whole batch index divided by `divisor`, rounded down, as an integer expression. */
const batchQuotient = (divisor: number): string =>
  divisor === 1 ? 'this.thread.z' : `(Math.floor((this.thread.z + 0.5) / ${divisor}) | 0)`

/**
 * The batch part of an address, `sum_d stride_d c_d`, from the one number `z` that counts the batch in row-major order.
 * With `q_d = floor(z / (extents after d))`, coordinate `c_d` is `q_d - extent_d q_(d-1)`, so the coefficient of `q_d` is
 * `stride_d - extent_(d+1) stride_(d+1)`: nothing is left of an axis that is contiguous with the next one.
 */
const batchTerms = (batch: ReadonlyArray<Axis>): ReadonlyArray<Term> =>
  batch.map(({ stride }, d) => ({
    name: batchQuotient(product(batch.slice(d + 1).map(({ extent }) => extent))),
    coefficient: d + 1 < batch.length ? stride - batch[d + 1].extent * batch[d + 1].stride : stride
  }))

const printTerm = ({ name, coefficient }: Term): string => {
  const size = Math.abs(coefficient)
  return size === 1 ? name : `${name} * ${size}`
}

/** `base + sum of terms`, subtracting where a coefficient is negative. */
const printAddress = (base: number, terms: ReadonlyArray<Term>): string => {
  const added = terms.filter(({ coefficient }) => coefficient > 0).map(printTerm)
  const subtracted = terms.filter(({ coefficient }) => coefficient < 0).map(printTerm)
  const start = base !== 0 || added.length === 0 ? [...added, String(base)] : added
  return [start.join(' + '), ...subtracted].join(' - ')
}

/** The two axes of a matrix by the names of their counters: threads, and the loop. */
type Counter = { readonly name: string; readonly extent: number }

/** An operand's window, and the address of its element for this thread and this turn of the loop. */
const operand = (
  matrix: StridedMatrix,
  batch: ReadonlyArray<number>,
  row: Counter,
  column: Counter
): { readonly window: Window; readonly address: string } => {
  const moves = ({ extent }: { readonly extent: number }): boolean => extent > 1
  const planes = batch.map((extent, d) => ({ extent, stride: matrix.batch[d] })).filter(moves)
  const cells = [
    { ...row, stride: matrix.row },
    { ...column, stride: matrix.column }
  ].filter(moves)
  const [low, high] = reach([...planes, ...cells])
  const cellTerms = cells.map(({ name, stride }) => ({ name, coefficient: stride }))
  return {
    window: { start: matrix.offset + low, length: high - low + 1 },
    address: printAddress(-low, [...batchTerms(planes), ...cellTerms])
  }
}

/**
 * The kernel of one contraction. Its result, read plane by plane and row by row, is `out` in row-major order.
 *
 *     out[z, y, x] = sum_p left[z, y, p] right[z, p, x]
 *
 * Fails with `Unsupported` when the thread grid exceeds what one dispatch can hold: 524,280 rows or columns, or a batch
 * of 65,535. Extents must be at least 1.
 */
export const gpuJsKernel = ({ batch, m, n, k, left, right }: Contraction): E.Either<DeviceError, GpuJsKernel> => {
  const products = product(batch)
  if (n > maxThreads.columns || m > maxThreads.rows || products > maxThreads.batch) {
    return E.left({
      _tag: 'Unsupported',
      device: 'gpu.js',
      found: `${products} products of [${m}, ${k}] and [${k}, ${n}]`,
      expected: `at most ${maxThreads.batch} products of at most ${maxThreads.rows} rows and ${maxThreads.columns} columns`
    })
  }
  const inner = { name: 'p', extent: k }
  const a = operand(left, batch, { name: 'this.thread.y', extent: m }, inner)
  const b = operand(right, batch, inner, { name: 'this.thread.x', extent: n })
  return E.right({
    source: `function (${operandNames.join(', ')}) {
  let sum = 0;
  for (let p = 0; p < ${k}; p++) {
    sum += left[${a.address}] * right[${b.address}];
  }
  return sum;
}`,
    output: [n, m, products],
    left: a.window,
    right: b.window
  })
}
