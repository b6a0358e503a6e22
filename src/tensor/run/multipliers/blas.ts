/**
 * The multiplier that calls the BLAS of this machine: `cblas_sgemm` of OpenBLAS, MKL or Accelerate, on the caller's own
 * arrays. Nothing is copied; a contraction costs 0.4 us beyond its products, and each of those 0.15 us beyond its arithmetic.
 *
 * One thread per caller: the library computes on the thread that calls, and threads may call at once. Its sums run in an
 * order of its own, so bits differ between libraries and processors; on one machine they are always the same. Subnormal numbers
 * count as zeros.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { sizeOf, stridesOf, type Shape } from '../../shape.js'
import { openLibrary, type BlasLibrary } from './blas-library.js'
import type { DeviceError } from '../device.js'
import type { Contraction, StridedMatrix } from '../../program/kernel.js'
import type { Multiplier, Multiply } from './multiplier.js'

export type Blas = Multiplier<'sync'> & {
  /** The path or soname of the library. */
  readonly library: string
  /** Such as `OpenBLAS 0.3.21 Haswell, 1 thread`. */
  readonly description: string
  /**
   * Whether a contraction can be put to BLAS and is faster there than in a product of the device's own in WASM SIMD. Those that
   * are merely slower can be prepared all the same.
   */
  readonly takes: (contraction: Contraction) => boolean
}

const rowMajor = 101
const notTransposed = 111
const transposed = 112

/** How BLAS is told of a matrix: as lines of adjacent elements, which are its rows or its columns. */
type Layout = { readonly transposition: number; readonly line: number }

/** The distance between `count` lines of `length` elements, if elements are adjacent and lines do not overlap. */
const lineOf = (count: number, length: number, line: number, step: number): number | undefined => {
  if (length > 1 && step !== 1) return undefined
  if (count === 1) return length
  return line >= length ? line : undefined
}

const layoutOf = ({ row, column }: StridedMatrix, rows: number, columns: number): Layout | undefined => {
  const asRows = lineOf(rows, columns, row, column)
  if (asRows !== undefined) return { transposition: notTransposed, line: asRows }
  const asColumns = lineOf(columns, rows, column, row)
  return asColumns === undefined ? undefined : { transposition: transposed, line: asColumns }
}

type Layouts = { readonly left: Layout; readonly right: Layout }

const layoutsOf = ({ m, n, k, left, right }: Contraction): Layouts | undefined => {
  const [ofLeft, ofRight] = [layoutOf(left, m, k), layoutOf(right, k, n)]
  return ofLeft === undefined || ofRight === undefined ? undefined : { left: ofLeft, right: ofRight }
}

/** Bytes from the start of the array to the matrix of each batch index. */
const startsOf = (batch: Shape, { offset, batch: strides }: StridedMatrix): Float64Array => {
  const dense = stridesOf(batch)
  return Float64Array.from(
    { length: sizeOf(batch) },
    (_, b) =>
      batch.reduce((at, extent, axis) => at + (Math.floor(b / dense[axis]) % extent) * strides[axis], offset) *
      Float32Array.BYTES_PER_ELEMENT
  )
}

/** Elements that an array needs for the matrices to lie inside it. */
const reachOf = (batch: Shape, rows: number, columns: number, at: StridedMatrix): number =>
  [...batch, rows, columns]
    .map((extent, axis) => (extent - 1) * [...at.batch, at.row, at.column][axis])
    .reduce((end, span) => end + Math.max(0, span), at.offset + 1)

const showMatrix = ({ row, column }: StridedMatrix): string => `strides ${row} and ${column}`

const prepare =
  ({ sgemm, flushing, addressOf }: BlasLibrary) =>
  (contraction: Contraction): E.Either<DeviceError, Multiply<'sync'>> => {
    const { batch, m, n, k, left: leftAt, right: rightAt } = contraction
    const layouts = layoutsOf(contraction)
    if (layouts === undefined)
      return E.left({
        _tag: 'Unsupported',
        device: 'blas',
        found: `a product of matrices with ${showMatrix(leftAt)}, ${showMatrix(rightAt)} (${m} x ${k} by ${k} x ${n})`,
        expected: 'matrices with adjacent elements along rows or columns'
      })
    const [leftStarts, rightStarts] = [startsOf(batch, leftAt), startsOf(batch, rightAt)]
    const outStep = m * n * Float32Array.BYTES_PER_ELEMENT
    const needs = [reachOf(batch, m, k, leftAt), reachOf(batch, k, n, rightAt), sizeOf(batch) * m * n]
    return E.right((left, right, out) => () => {
      // A view of memory that has since grown elsewhere has no elements left: native code would not notice.
      if (left.length < needs[0] || right.length < needs[1] || out.length < needs[2])
        return E.left({
          _tag: 'WrongArrays',
          device: 'blas',
          found: `arrays of ${left.length}, ${right.length} and ${out.length}`,
          expected: `at least ${needs.join(', ')}`
        })
      // Asked for anew at every call, so memory may grow, and even move, between calls.
      const [leftBase, rightBase, outBase] = [addressOf(left), addressOf(right), addressOf(out)]
      flushing(() => {
        for (let b = 0; b < leftStarts.length; b++)
          sgemm(
            rowMajor,
            layouts.left.transposition,
            layouts.right.transposition,
            m,
            n,
            k,
            1,
            leftBase + leftStarts[b],
            layouts.left.line,
            rightBase + rightStarts[b],
            layouts.right.line,
            0,
            outBase + b * outStep,
            n
          )
      })
      return E.right(undefined)
    })
  }

/** Multiplications in one product from which OpenBLAS overtakes a product in WASM SIMD, the call included: 25 cubed. */
const overtakes = 2 ** 14

/**
 * Rows below which OpenBLAS is slow on a right side stored by columns: at 4 x 256 x 2048, 15 GFLOP/s against 36 in WASM SIMD
 * (stored by rows, 54 against 32).
 */
const fewRows = 16

const takes = (contraction: Contraction): boolean => {
  const { m, n, k } = contraction
  const layouts = layoutsOf(contraction)
  if (layouts === undefined || m * n * k < overtakes) return false
  return m >= fewRows || layouts.right.transposition === notTransposed
}

const multiplierOf = (library: BlasLibrary): Blas => ({
  name: 'blas',
  timing: 'sync',
  library: library.path,
  description: library.description,
  takes,
  prepare: prepare(library),
  release: () => Promise.resolve()
})

/**
 * Opens the BLAS of this machine: `library`, a path or soname, if given, else what the environment variable
 * `PURE_ELECTRA_BLAS` names, else the first that is found. Needs the optional package `koffi`.
 *
 * Fails with `DeviceUnavailable`, which says what was tried and what to install.
 */
export const blas = (library?: string): TE.TaskEither<DeviceError, Blas> =>
  pipe(openLibrary(library), TE.map(multiplierOf))
