/**
 * How fast does each multiplier multiply?
 *
 * Times include everything between two arrays in memory and the third: packing, and for a GPU the way there and back.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import {
  matmul,
  own,
  reference,
  showDeviceError,
  showTensorError,
  spec,
  trace,
  type Contraction,
  type Multiplier,
  type Tensor,
  type Timing
} from '../src/tensor/index.js'
import { sizeOf } from '../src/tensor/shape.js'
import { bearable, entriesOf, type Mode } from './modes.js'
import { upTo, type Contestant, type Opened } from './race.js'
import { runRace, type Measurement } from './measurement.js'

type ProductSize = {
  readonly batch: ReadonlyArray<number>
  readonly m: number
  readonly n: number
  readonly k: number
}

/** Two cubes, a small one that the reference device bears too, and what ELECTRA's layers and attention heads ask for. */
const productSizes: ReadonlyArray<ProductSize> = [
  { batch: [], m: 64, n: 64, k: 64 },
  { batch: [], m: 256, n: 256, k: 256 },
  { batch: [], m: 512, n: 512, k: 512 },
  { batch: [], m: 1024, n: 256, k: 256 },
  { batch: [], m: 512, n: 64, k: 64 },
  { batch: [32], m: 64, n: 64, k: 32 }
]

const showSize = ({ batch, m, n, k }: ProductSize): string =>
  `${batch.length === 0 ? '' : `${batch.join(' x ')} of `}${m} x ${n} x ${k}`

const flopOf = ({ batch, m, n, k }: ProductSize): number => 2 * sizeOf(batch) * m * n * k

const rowMajor = ({ batch, m, n, k }: ProductSize): Contraction => ({
  batch,
  m,
  n,
  k,
  left: { offset: 0, batch: batch.map(() => m * k), row: k, column: 1 },
  right: { offset: 0, batch: batch.map(() => k * n), row: n, column: 1 }
})

type Operands = { readonly left: Float32Array; readonly right: Float32Array; readonly out: Float32Array }

/** Values of about 1, in a pattern that no stride of a matrix repeats. */
const operands = ({ batch, m, n, k }: ProductSize): Operands => {
  const filled = (size: number): Float32Array => Float32Array.from({ length: size }, (_, i) => Math.sin(i * 1.7 + 0.3))
  const count = sizeOf(batch)
  return { left: filled(count * m * k), right: filled(count * k * n), out: new Float32Array(count * m * n) }
}

/** Some elements of the result, the first and the last among them, held against their sums in double precision. */
const check =
  ({ batch, m, n, k }: ProductSize, { left, right, out }: Operands): TE.TaskEither<string, void> =>
  () => {
    const last = sizeOf(batch) * m * n - 1
    for (const cell of [0, Math.floor(last / 3), Math.floor(last / 2), last]) {
      const [b, i, j] = [Math.floor(cell / (m * n)), Math.floor(cell / n) % m, cell % n]
      let sum = 0
      for (let p = 0; p < k; p++) sum += left[(b * m + i) * k + p] * right[(b * k + p) * n + j]
      // Terms are at most 1, so k products and k additions of at most k each round by at most 2^-24 of that.
      if (!(Math.abs(out[cell] - sum) <= 2 * k * k * 2 ** -24))
        return Promise.resolve(E.left(`element ${cell} is ${out[cell]}, and should be ${sum}`))
    }
    return Promise.resolve(E.right(undefined))
  }

/** A multiplier that belongs to somebody else. */
const byMultiplier =
  <T extends Timing>(multiplier: Multiplier<T>, threads: number | undefined) =>
  (size: ProductSize): Contestant => ({
    name: multiplier.name,
    threads,
    open: pipe(
      TE.fromEither(multiplier.prepare(rowMajor(size))),
      TE.bimap(showDeviceError, (multiply): Opened => {
        const arrays = operands(size)
        const running = multiply(arrays.left, arrays.right, arrays.out)
        return {
          run: pipe(async () => running(), TE.mapLeft(showDeviceError)),
          check: check(size, arrays),
          release: () => Promise.resolve()
        }
      })
    )
  })

/** The reference device, whose one way to multiply is its definition of it. */
const byReference = (size: ProductSize): Contestant => ({
  name: 'reference device',
  threads: 1,
  open: TE.fromEither(
    pipe(
      trace((a: Tensor, b: Tensor) => matmul(b)(a))(
        spec([...size.batch, size.m, size.k]),
        spec([...size.batch, size.k, size.n])
      ),
      E.mapLeft(showTensorError),
      E.chain(({ program }) => pipe(reference({ floats: 'float32' }).load(program), E.mapLeft(showDeviceError))),
      E.map((executable): Opened => {
        const arrays = operands(size)
        return {
          run: pipe(
            TE.fromIOEither(executable.run([arrays.left, arrays.right], [arrays.out])),
            TE.mapLeft(showDeviceError)
          ),
          check: check(size, arrays),
          release: () => Promise.resolve()
        }
      })
    )
  )
})

/** A race for each size. */
export const contractions = (modes: ReadonlyArray<Mode>, slow: boolean): ReadonlyArray<Measurement> =>
  productSizes.map((size) => ({
    subject: showSize(size),
    run: runRace({ suite: 'contraction', subject: showSize(size), unit: 'GFLOP/s', work: flopOf(size) / 1e9 }, [
      byMultiplier(own(), 1)(size),
      ...entriesOf(modes, flopOf(size), slow, (_, multiplier, threads) => byMultiplier(multiplier, threads)(size)),
      upTo(bearable.reference, flopOf(size), slow)(byReference(size))
    ])
  }))
