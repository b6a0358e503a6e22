/**
 * How fast are products of matrices, by whom?
 *
 * Ours are programs of one contraction, whose operands and result lie in the device's memory. Everybody has one thread.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as IOE from 'fp-ts/lib/IOEither.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import {
  dotGeneral,
  showDeviceError,
  showTensorError,
  spec,
  trace,
  type Contraction,
  type HostDevice,
  type Tensor
} from '../src/tensor/index.js'
import { openLibrary, type BlasLibrary } from '../src/tensor/run/multipliers/blas-library.js'
import { runRace, type Measurement } from './measurement.js'
import { bearable, type Mode } from './modes.js'
import { deviceFor, ways, type Way } from './ours.js'
import type { Peer } from './peers.js'
import { timed, timedTask, upTo, type Contestant, type Opened } from './race.js'

/** Whether a matrix lies row by row or column by column. */
type Lies = 'plain' | 'transposed'

/** `batch` products of `m x k` by `k x n`. */
export type Product = {
  readonly batch: number
  readonly m: number
  readonly n: number
  readonly k: number
  readonly left: Lies
  readonly right: Lies
}

type Size = readonly [m: number, n: number, k: number]

const product = ([m, n, k]: Size, left: Lies, right: Lies, batch = 1): Product => ({ batch, m, n, k, left, right })

const cubes: ReadonlyArray<Product> = [256, 512, 1024, 2048].map((n) => product([n, n, n], 'plain', 'plain'))

/** A dense layer and its gradients: `Y = X W^T`, `dX = dY W`, `dW = dY^T X`. */
const denseLayer = ([m, n, k]: Size): ReadonlyArray<Product> => [
  product([m, n, k], 'plain', 'transposed'),
  product([m, k, n], 'plain', 'plain'),
  product([n, k, m], 'transposed', 'plain')
]

/** A step of ELECTRA-Small with 8 examples of 128 tokens: the discriminator's layers, the generator's, its head. */
const dense: ReadonlyArray<Product> = (
  [
    [1024, 256, 256],
    [1024, 1024, 256],
    [1024, 256, 1024],
    [1024, 64, 64],
    [1024, 256, 64],
    [1024, 64, 256],
    [152, 30522, 128]
  ] as const
).flatMap(denseLayer)

/** Scores `Q K^T`, like `dP = dO V^T`; values `P V`, like `dQ = dS K`; `dV = P^T dO`, like `dK = dS^T Q`. */
const attention: ReadonlyArray<Product> = [
  product([128, 128, 64], 'plain', 'transposed', 32),
  product([128, 64, 128], 'plain', 'plain', 32),
  product([128, 64, 128], 'transposed', 'plain', 32)
]

const products: ReadonlyArray<Product> = [...cubes, ...dense, ...attention]

const showProduct = ({ batch, m, n, k, left, right }: Product): string => {
  const letters = `${left === 'plain' ? 'A' : 'Aᵀ'} ${right === 'plain' ? 'B' : 'Bᵀ'}`
  return `${batch === 1 ? '' : `${batch} of `}${m} x ${n} x ${k}, ${letters}`
}

const flopOf = ({ batch, m, n, k }: Product): number => 2 * batch * m * n * k

// ------------------------------------------------------------------ operands and results

/** Element `i` of either operand: about 1, in a pattern that no stride of a matrix repeats. As in `peers/operands.mjs`. */
const element = (i: number): number => Math.fround(Math.sin(i * 1.7 + 0.3))

const fill = (array: Float32Array): Float32Array => {
  for (let i = 0; i < array.length; i++) array[i] = element(i)
  return array
}

const sizesOf = ({ batch, m, n, k }: Product): readonly [left: number, right: number, out: number] => [
  batch * m * k,
  batch * k * n,
  batch * m * n
]

const contractionOf = ({ batch, m, n, k, left, right }: Product): Contraction => {
  const matrix = (rows: number, columns: number, lies: Lies): Contraction['left'] => ({
    offset: 0,
    batch: batch === 1 ? [] : [rows * columns],
    row: lies === 'plain' ? columns : 1,
    column: lies === 'plain' ? 1 : rows
  })
  return { batch: batch === 1 ? [] : [batch], m, n, k, left: matrix(m, k, left), right: matrix(k, n, right) }
}

/** Some elements of the result, the first and the last among them. */
const checkedElements = (p: Product): ReadonlyArray<number> => {
  const last = sizesOf(p)[2] - 1
  return [0, Math.floor(last / 3), Math.floor(last / 2), last]
}

/** Holds them against their sums in double precision. */
const check = (p: Product, values: ReadonlyArray<number>): E.Either<string, void> => {
  const { m, n, k } = p
  const { left, right } = contractionOf(p)
  for (const [at, cell] of checkedElements(p).entries()) {
    const [b, i, j] = [Math.floor(cell / (m * n)), Math.floor(cell / n) % m, cell % n]
    let [sum, magnitude] = [0, 0]
    for (let q = 0; q < k; q++) {
      const term =
        element(b * m * k + i * left.row + q * left.column) * element(b * k * n + q * right.row + j * right.column)
      sum += term
      magnitude += Math.abs(term)
    }
    // Rounding errors of k terms add up like a random walk: to `c sqrt(k) u` of their magnitude, and c = 8 is never reached.
    // Higham and Mary, "A new approach to probabilistic rounding error analysis", 2019.
    if (!(Math.abs(values[at] - sum) <= 8 * Math.sqrt(k) * 2 ** -24 * magnitude))
      return E.left(`element ${cell} is ${values[at]}, and should be ${sum}`)
  }
  return E.right(undefined)
}

const checkArray = (p: Product, out: Float32Array): TaskEither<string, void> =>
  TE.fromIOEither(() =>
    check(
      p,
      checkedElements(p).map((i) => out[i])
    )
  )

// ------------------------------------------------------------------ contestants

const shapeOf = (batch: number, rows: number, columns: number, lies: Lies): ReadonlyArray<number> => [
  ...(batch === 1 ? [] : [batch]),
  ...(lies === 'plain' ? [rows, columns] : [columns, rows])
]

/** A contraction as a program of `device`, between places of its memory. */
const openProgram =
  (p: Product) =>
  (device: HostDevice<'sync'>): E.Either<string, Opened> => {
    const { batch, m, n, k, left, right } = p
    const rank = batch === 1 ? 0 : 1
    const axes = rank === 0 ? [] : [0]
    const contract = {
      left: [left === 'plain' ? rank + 1 : rank],
      right: [right === 'plain' ? rank : rank + 1]
    }
    const traced = trace((a: Tensor, b: Tensor) => dotGeneral({ batch: { left: axes, right: axes }, contract }, b)(a))(
      spec(shapeOf(batch, m, k, left)),
      spec(shapeOf(batch, k, n, right))
    )
    if (E.isLeft(traced)) return E.left(showTensorError(traced.left))
    return pipe(
      E.Do,
      E.bind('executable', () => device.load(traced.right.program)),
      E.bindW('memory', () => device.memory()),
      E.bindW('addresses', ({ memory }) => E.traverseArray((size: number) => memory.allocate(4 * size))(sizesOf(p))),
      E.bimap(showDeviceError, ({ executable, memory, addresses }): Opened => {
        const [a, b, out] = sizesOf(p).map((size, i) => memory.view('f32', addresses[i], size) as Float32Array)
        fill(a)
        fill(b)
        return {
          run: timed(pipe(executable.run([a, b], [out]), IOE.mapLeft(showDeviceError))),
          check: checkArray(p, out),
          release: () => {
            sizesOf(p).forEach((size, i) => memory.free(addresses[i], 4 * size))
            return Promise.resolve()
          }
        }
      })
    )
  }

const ours =
  (name: Way, device: TaskEither<string, HostDevice<'sync'>>) =>
  (p: Product): Contestant => ({
    name,
    isOurs: true,
    threads: 1,
    open: pipe(device, TE.chainEitherK(openProgram(p)))
  })

const rowMajor = 101
const transpositions: Record<Lies, number> = { plain: 111, transposed: 112 }

/** OpenBLAS called in a tight loop, as fast as can be from here. */
const directly = (p: Product, { sgemm, addressOf, description }: BlasLibrary): Opened => {
  const { batch, m, n, k, left, right } = p
  const [a, b, out] = sizesOf(p).map((size) => new Float32Array(size))
  fill(a)
  fill(b)
  const lineOfA = left === 'plain' ? k : m
  const lineOfB = right === 'plain' ? n : k
  const multiply = (atA: number, atB: number, atOut: number): void => {
    for (let i = 0; i < batch; i++)
      sgemm(
        rowMajor,
        transpositions[left],
        transpositions[right],
        m,
        n,
        k,
        1,
        atA + 4 * i * m * k,
        lineOfA,
        atB + 4 * i * k * n,
        lineOfB,
        0,
        atOut + 4 * i * m * n,
        n
      )
  }
  return {
    detail: description,
    // Addresses keep nothing alive, so the arrays stay part of what is run.
    run: (repeats) => {
      const [atA, atB, atOut] = [a, b, out].map(addressOf)
      return timed(() => E.right(multiply(atA, atB, atOut)))(repeats)
    },
    check: checkArray(p, out),
    release: () => Promise.resolve()
  }
}

const openBlas =
  (library: TaskEither<string, BlasLibrary>) =>
  (p: Product): Contestant => ({
    name: 'OpenBLAS',
    isOurs: false,
    threads: 1,
    open: pipe(
      library,
      TE.map((opened) => directly(p, opened))
    )
  })

const byPeer =
  (peer: Peer) =>
  (p: Product): Contestant => ({
    name: peer.name,
    isOurs: false,
    threads: 1,
    open: pipe(
      peer.open(p),
      TE.map((detail) => ({
        detail,
        run: peer.run,
        check: pipe(
          peer.read(checkedElements(p)),
          TE.chainEitherK((values) => check(p, values))
        ),
        release: peer.close
      }))
    )
  })

/** gpu.js by the kernels that its multiplier makes, between arrays in memory: for a GPU the way there and back is in it. */
const byMode =
  ({ mode, threads, multiplier }: Mode, slow: boolean) =>
  (p: Product): ReadonlyArray<Contestant> =>
    E.isLeft(multiplier)
      ? []
      : [
          upTo(
            bearable(multiplier.right),
            flopOf(p),
            slow
          )({
            name: `gpu.js:${mode}`,
            isOurs: false,
            threads,
            open: pipe(
              TE.fromEither(multiplier.right.prepare(contractionOf(p))),
              TE.bimap(showDeviceError, (multiply): Opened => {
                const [a, b, out] = sizesOf(p).map((size) => new Float32Array(size))
                const run = multiply(fill(a), fill(b), out)
                return {
                  run: timedTask(pipe(run, TE.mapLeft(showDeviceError))),
                  check: checkArray(p, out),
                  release: () => Promise.resolve()
                }
              })
            )
          })
        ]

/** What a task gives, obtained once. */
const kept = <A>(task: TaskEither<string, A>): TaskEither<string, A> => {
  let given: Promise<E.Either<string, A>> | undefined
  return () => (given ??= task())
}

/** A race for each product. */
export const contractions = (
  modes: ReadonlyArray<Mode>,
  peers: ReadonlyArray<Peer>,
  slow: boolean
): ReadonlyArray<Measurement> => {
  const entries = [
    ...ways.map((way) => ours(way, kept(deviceFor(way)))),
    openBlas(kept(pipe(openLibrary(), TE.mapLeft(showDeviceError)))),
    ...peers.map(byPeer)
  ]
  return products.map((p) => ({
    subject: showProduct(p),
    run: runRace({ suite: 'contraction', subject: showProduct(p), unit: 'GFLOP/s' }, flopOf(p) / 1e9, [
      ...entries.map((enter) => enter(p)),
      ...modes.flatMap((mode) => byMode(mode, slow)(p))
    ])
  }))
}
