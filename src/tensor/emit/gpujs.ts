/**
 * Contractions as gpu.js kernels: source text in the subset of JavaScript that gpu.js translates, and the thread grid and
 * array lengths it is to be built for.
 *
 * One thread computes one element, or four of a row: x is the column (or every fourth one), y the row and z the batch element, so that
 * coordinates arrive as exact integers. The text keeps to what gpu.js translates without changing its meaning:
 *
 * - loop bounds are literals (any other loop stops after 1,000 turns);
 * - a loop's counter is a float on some backends: above 2^24 it would neither count nor end, so a longer sum is two loops;
 * - index arithmetic stands inside the brackets (an integer kept in a local becomes a float, exact only up to 2^24), and where the
 *   backend has integers each counter is made one by `| 0`; where it has none, what reaches beyond 2^24 is refused;
 * - `/` is a float division, so a batch index is split as `floor((z + 1/2) / d)`, which a division good to 2.5 ulp leaves
 *   exact while `z < 2^23 / 5`, and `| 0` makes it an integer again.
 *
 * Only sizes and strides are printed, never a place in an array: views of equal form share one kernel.
 */

import * as E from 'fp-ts/lib/Either.js'
import type { Contraction, StridedMatrix } from '../program/kernel.js'
import { range } from '../range.js'

/** The stretch of an operand's array that a kernel is handed: what it reads, and before that what alignment asks for. */
export type Window = { readonly start: number; readonly length: number }

/** How many neighbours of a row a thread returns: a number, or an array that gpu.js stores as they lie in the row. */
export type Results = 1 | 4

/** What may be asked for: results a thread, and what starts of windows are multiples of. */
export type GpuJsForm = { readonly results?: Results; readonly alignment?: number }

export type GpuJsKernel = {
  readonly source: string
  readonly results: Results
  /** Threads along x, y and z: columns (of which a thread may have several), rows, batch elements. */
  readonly output: readonly [number, number, number]
  readonly left: Window
  readonly right: Window
}

/** The names of the kernel's two arguments in `source`. */
export const operandNames = ['left', 'right'] as const

/** WebGPU dispatches at most this many workgroups along an axis; gpu.js makes them 8 by 8 by 1 threads. */
const maxWorkgroups = 65_535
const maxThreads = { columns: 8 * maxWorkgroups, rows: 8 * maxWorkgroups, batch: maxWorkgroups }

/** What a backend of gpu.js computes addresses in, and how sums are cut. */
export type GpuJsArithmetic = {
  readonly addresses: 'integers' | 'floats'
  /** The largest address and count that are exact. */
  readonly exact: number
  /** A longer sum is a sum of sums of so many terms, or of more where it would be longer than this itself. */
  readonly block: number
}

/** Up to this length a sum's rounding errors stay small, and one loop is what gpu.js makes vectors of. */
const block = 4096

export const integerAddresses: GpuJsArithmetic = { addresses: 'integers', exact: 2 ** 31 - 1, block }

export const floatAddresses: GpuJsArithmetic = { addresses: 'floats', exact: 2 ** 24, block }

/** `coefficient * name`, where `name` counts from 0 to `most`. */
type Term = { readonly name: string; readonly coefficient: number; readonly most: number }

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
    coefficient: d + 1 < batch.length ? stride - batch[d + 1].extent * batch[d + 1].stride : stride,
    most: product(batch.slice(0, d + 1).map(({ extent }) => extent)) - 1
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

/** The two axes of a matrix: each with its counters, in elements of the axis. */
type Counted = {
  readonly extent: number
  readonly counters: ReadonlyArray<Term>
  /** How many elements of the axis a thread has, from where its counters say. */
  readonly results: Results
}

/** A loop over a stretch of the sum: the counters that are made of it, and where it begins. */
type Stretch = { readonly counters: ReadonlyArray<Term>; readonly start: number }

/** An operand's window, and the address of its element for a result of this thread and a turn of the loop. */
type OperandWindow = {
  readonly window: Window
  readonly address: (stretch: Stretch, result?: number) => string
  /** No part of an address is above it. */
  readonly most: number
}

/** The inner axis, which the loops walk, is the row's or the column's. */
const operand = (
  matrix: StridedMatrix,
  batch: ReadonlyArray<number>,
  outer: Counted & { readonly stride: number },
  inner: { readonly extent: number; readonly stride: number },
  alignment: number
): OperandWindow => {
  const moves = ({ extent }: { readonly extent: number }): boolean => extent > 1
  const planes = batch.map((extent, d) => ({ extent, stride: matrix.batch[d] })).filter(moves)
  const [low, high] = reach([...planes, ...[outer, inner].filter(moves)])
  const scaled = (counters: ReadonlyArray<Term>, stride: number): ReadonlyArray<Term> =>
    counters.map((term) => ({ ...term, coefficient: term.coefficient * stride }))
  const first = matrix.offset + low
  const start = first - (first % alignment)
  /** The address where every counter is 0. */
  const origin = matrix.offset - start
  const fixed = [...batchTerms(planes), ...(moves(outer) ? scaled(outer.counters, outer.stride) : [])]
  const reached = [
    ...fixed,
    { name: '', coefficient: inner.stride, most: inner.extent - 1 },
    { name: '', coefficient: outer.stride, most: outer.results - 1 }
  ]
  return {
    window: { start, length: origin + high + 1 },
    address: ({ counters, start: turn }, result = 0) =>
      printAddress(turn * inner.stride + result * outer.stride + origin, [
        ...fixed,
        ...(moves(inner) ? scaled(counters, inner.stride) : [])
      ]),
    most: reached.reduce((sum, { coefficient, most }) => sum + Math.abs(coefficient) * most, origin)
  }
}

/** The lengths of the sums that a sum of `k` terms is cut into. */
const blockLength = ({ block }: GpuJsArithmetic, k: number): number => {
  let length = block
  while (k > length * block) length *= 2
  return length
}

/** A contraction that no kernel can be written for. */
export type BeyondKernel = { readonly _tag: 'BeyondKernel'; readonly found: string; readonly expected: string }

const beyond = (found: string, expected: string): E.Either<BeyondKernel, never> =>
  E.left({ _tag: 'BeyondKernel', found, expected })

/**
 * The kernel of one contraction. Its result, read plane by plane and row by row, is `out` in row-major order.
 *
 *     out[z, y, x] = sum_p left[z, y, p] right[z, p, x]
 *
 * Fails when the thread grid exceeds what one dispatch can hold: 524,280 rows or threads in a row, or a batch
 * of 65,535; when an address or the length of the sum exceeds what the arithmetic holds exactly; and when a row is no whole number of
 * threads. Extents must be at least 1.
 */
export const gpuJsKernel =
  (arithmetic: GpuJsArithmetic, { results = 1, alignment = 1 }: GpuJsForm = {}) =>
  ({ batch, m, n, k, left, right }: Contraction): E.Either<BeyondKernel, GpuJsKernel> => {
    const products = product(batch)
    const found = `${products} products of [${m}, ${k}] and [${k}, ${n}]`
    const columns = n / results
    if (!Number.isInteger(columns)) return beyond(found, `rows of a multiple of ${results} columns`)
    if (columns > maxThreads.columns || m > maxThreads.rows || products > maxThreads.batch)
      return beyond(
        found,
        `at most ${maxThreads.batch} products of at most ${maxThreads.rows} rows and ${results * maxThreads.columns} columns`
      )
    const thread = (name: string, extent: number, each: Results): Counted => ({
      extent,
      counters: [{ name: `this.thread.${name}`, coefficient: each, most: extent / each - 1 }],
      results: each
    })
    const a = operand(
      left,
      batch,
      { ...thread('y', m, 1), stride: left.row },
      { extent: k, stride: left.column },
      alignment
    )
    const b = operand(
      right,
      batch,
      { ...thread('x', n, results), stride: right.column },
      { extent: k, stride: right.row },
      alignment
    )
    if (Math.max(a.most, b.most, k) > arithmetic.exact)
      return beyond(
        `${found}, which reach ${Math.max(a.most, b.most) + 1} elements of an operand`,
        `operands and sums of at most ${arithmetic.exact}, above which this backend's float addresses are not exact: use another multiplier`
      )
    const turns: Readonly<Record<Results, Turn>> = {
      1: ([sum], at) => [`${sum} += left[${a.address(at)}] * right[${b.address(at)}];`],
      4: (sums, at) => [
        `const a = left[${a.address(at)}];`,
        ...sums.map((sum, result) => `${sum} += a * right[${b.address(at, result)}];`)
      ]
    }
    return E.right({
      source: `function (${operandNames.join(', ')}) {
${summed(arithmetic, k, results, turns[results])}
}`,
      results,
      output: [columns, m, products],
      left: a.window,
      right: b.window
    })
  }

/** Adds a term to each of the sums with these names. */
type Turn = (sums: ReadonlyArray<string>, at: Stretch) => ReadonlyArray<string>

/** The body that returns the sums of `k` terms. */
const summed = (arithmetic: GpuJsArithmetic, k: number, results: Results, turn: Turn): string => {
  const counter = (name: string, coefficient: number, extent: number): Term => ({
    name: arithmetic.addresses === 'integers' ? `(${name} | 0)` : name,
    coefficient,
    most: extent - 1
  })
  const names = (name: string): ReadonlyArray<string> =>
    results === 1 ? [name] : range(results).map((result) => `${name}${result}`)
  const zero = (name: string): ReadonlyArray<string> => names(name).map((sum) => `let ${sum} = 0;`)
  const returned = (...sums: ReadonlyArray<string>): string => {
    const values = range(results).map((result) => sums.map((sum) => names(sum)[result]).join(' + '))
    return `return ${results === 1 ? values[0] : `[${values.join(', ')}]`};`
  }
  const loop = (sum: string, extent: number, at: Stretch): ReadonlyArray<string> => [
    ...zero(sum),
    `for (let p = 0; p < ${extent}; p++) {`,
    ...indented(turn(names(sum), { ...at, counters: [...at.counters, counter('p', 1, extent)] })),
    '}'
  ]
  if (k <= arithmetic.block)
    return indented([...loop('sum', k, { counters: [], start: 0 }), returned('sum')]).join('\n')
  const length = blockLength(arithmetic, k)
  const blocks = Math.floor(k / length)
  const rest = k % length
  return indented([
    ...zero('total'),
    `for (let q = 0; q < ${blocks}; q++) {`,
    ...indented([
      ...loop('sum', length, { counters: [counter('q', length, blocks)], start: 0 }),
      ...names('sum').map((sum, result) => `${names('total')[result]} += ${sum};`)
    ]),
    '}',
    ...(rest === 0
      ? [returned('total')]
      : [...loop('rest', rest, { counters: [], start: blocks * length }), returned('total', 'rest')])
  ]).join('\n')
}

const indented = (lines: ReadonlyArray<string>): ReadonlyArray<string> => lines.map((line) => `  ${line}`)
