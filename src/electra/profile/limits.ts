/**
 * What a device can do at most on this machine, measured here and now: the arithmetic of a large product, and the traffic of
 * a loop over more than caches hold.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { add, matmul, mul, spec, trace, type Tensor, type TensorError } from '../../tensor/index.js'
import type { HostDevice, Shape } from '../../tensor/index.js'
import { outputSpecs } from '../../tensor/program/program.js'
import { allocateSlots, freeSlots, type WorkerError } from '../../workers/index.js'
import { view } from '../../workers/pool/memory.js'

export type Limits = {
  /** FLOP a second of the fastest product, which is one of n x n matrices. */
  readonly flopsPerSecond: number
  readonly n: number
  /** Bytes a second of `x + 2 y`, of which every element that is read or written counts once. */
  readonly bytesPerSecond: number
}

type LimitsError = WorkerError | TensorError

type Trial = () => Promise<E.Either<WorkerError, void>>

/** Seconds for which a run is repeated. */
const patience = 0.2

/** Seconds of the fastest run, of two at least. */
const fastest =
  (run: Trial): TaskEither<WorkerError, number> =>
  async () => {
    const began = performance.now()
    let best = Infinity
    for (let runs = 0; runs < 2 || performance.now() - began < 1000 * patience; runs++) {
      const start = performance.now()
      const done = await run()
      if (E.isLeft(done)) return done
      best = Math.min(best, performance.now() - start)
    }
    return E.right(best / 1000)
  }

/** Seconds that a device takes for `f` of two arrays. Gives the memory back. */
const secondsOf = (
  device: HostDevice,
  shape: Shape,
  f: (x: Tensor, y: Tensor) => Tensor
): TaskEither<LimitsError, number> =>
  pipe(
    TE.fromIOEither(device.memory),
    TE.bindTo('memory'),
    TE.bindW('traced', () => TE.fromEither(trace(f)(spec(shape), spec(shape)))),
    TE.bindW('executable', ({ traced: { program } }) => TE.fromEither(device.load(program))),
    TE.bindW('slots', ({ memory, traced: { program } }) =>
      TE.fromIOEither(allocateSlots(memory, device.floats, [...program.inputs, ...outputSpecs(program)]))
    ),
    TE.chainW(({ memory, executable, slots }) => {
      const [x, y, out] = slots.map(view(memory, device.floats))
      x.fill(1)
      y.fill(1)
      return pipe(
        fastest(async () => executable.run([x, y], [out])()),
        TE.tapIO(() => freeSlots(memory, device.floats)(slots))
      )
    })
  )

/** Products grow while one takes less than this, in seconds. */
const short = 0.05

const largest = 4096

/** The fastest of products that double, until one takes long. */
const productLimit = (device: HostDevice, n = 512): TaskEither<LimitsError, Pick<Limits, 'flopsPerSecond' | 'n'>> =>
  pipe(
    secondsOf(device, [n, n], (x, y) => pipe(x, matmul(y))),
    TE.chain((seconds) => {
      const found = { flopsPerSecond: (2 * n * n * n) / seconds, n }
      return seconds > short || n === largest
        ? TE.right(found)
        : pipe(
            productLimit(device, 2 * n),
            TE.map((next) => (next.flopsPerSecond > found.flopsPerSecond ? next : found))
          )
    })
  )

/** Elements of each of the three arrays: 64 MiB. */
const elements = 2 ** 24

/** Measures both, in about a second where a product of 512 x 512 matrices does not take one by itself. */
export const measureLimits = (device: HostDevice): TaskEither<LimitsError, Limits> =>
  pipe(
    productLimit(device),
    TE.bind('bytesPerSecond', () =>
      pipe(
        secondsOf(device, [elements], (x, y) => pipe(y, mul(2), add(x))),
        TE.map((seconds) => (3 * elements * Float32Array.BYTES_PER_ELEMENT) / seconds)
      )
    )
  )
