/**
 * What a device can do at most on this machine, measured here and now: the arithmetic of a large product, and the traffic of
 * a loop over more than caches hold.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { add, matmul, mul, spec, trace, type Tensor, type TensorError } from '../../tensor/index.js'
import type { Device, DeviceError, Shape } from '../../tensor/index.js'
import { outputSpecs, type Spec } from '../../tensor/program/program.js'
import { settling } from '../../tensor/run/settling.js'
import { sizeOf } from '../../tensor/shape.js'
import { timed, type Placed, type Timed } from './timed.js'

export type Limits = {
  /** FLOP a second of the fastest product, which is one of n x n matrices. */
  readonly flopsPerSecond: number
  readonly n: number
  /** Bytes a second of `x + 2 y`, of which every element that is read or written counts once. */
  readonly bytesPerSecond: number
}

type LimitsError = DeviceError | TensorError

/** Seconds for which a run is repeated. */
const patience = 0.2

/** By the device's own clock where it has one: what it takes to ask is no limit of the device. */
const secondsOfRun = ({ clock, kernels, whole }: Timed): number =>
  clock === 'device' ? kernels.reduce((a, b) => a + b, 0) : whole

/** Seconds of the fastest run, of two at least. */
const fastest =
  (placed: Placed): TaskEither<DeviceError, number> =>
  async () => {
    const began = performance.now()
    let best = Infinity
    for (let runs = 0; runs < 2 || performance.now() - began < 1000 * patience; runs++) {
      const done = await timed(placed)()
      if (E.isLeft(done)) return done
      best = Math.min(best, secondsOfRun(done.right))
    }
    return E.right(best)
  }

/** Seconds that a device takes for `f` of two arrays. Gives the memory back. */
const secondsOf = (
  device: Device,
  shape: Shape,
  f: (x: Tensor, y: Tensor) => Tensor
): TaskEither<LimitsError, number> => {
  const [allocate, write, read] = [settling(device.allocate), settling(device.write), settling(device.read)]
  const one: Spec = { dtype: 'f32', shape: [1] }
  const ones = new Float32Array(sizeOf(shape)).fill(1)
  return pipe(
    TE.fromEither(trace(f)(spec(shape), spec(shape))),
    TE.bindTo('traced'),
    TE.bindW('executable', ({ traced: { program } }) => TE.fromEither(device.load(program))),
    TE.bindW('buffers', ({ traced: { program } }) => allocate([...program.inputs, ...outputSpecs(program), one])),
    TE.chainW(({ executable, buffers }) => {
      const [x, y, out, last] = buffers.list
      const measured = pipe(
        write([x, y], [ones, ones]),
        TE.chain(() => fastest({ executable, inputs: [x, y], outputs: [out], settled: read([last]) }))
      )
      return () => measured().finally(buffers.release)
    })
  )
}

/** Products grow while one takes less than this, in seconds. */
const short = 0.05

const largest = 4096

/** The fastest of products that double, until one takes long. */
const productLimit = (device: Device, n = 512): TaskEither<LimitsError, Pick<Limits, 'flopsPerSecond' | 'n'>> =>
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
export const measureLimits = (device: Device): TaskEither<LimitsError, Limits> =>
  pipe(
    productLimit(device),
    TE.bind('bytesPerSecond', () =>
      pipe(
        secondsOf(device, [elements], (x, y) => pipe(y, mul(2), add(x))),
        TE.map((seconds) => (3 * elements * Float32Array.BYTES_PER_ELEMENT) / seconds)
      )
    )
  )
