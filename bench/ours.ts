/**
 * What is ours in every comparison: the wasm device, on one thread, with each of its ways to multiply.
 */

import { setFlagsFromString } from 'node:v8'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { showDeviceError, type HostDevice } from '../src/tensor/index.js'
import { blas } from '../src/tensor/run/multipliers/blas.js'
import type { DeviceChoice } from '../src/tensor/run/device-choice.js'
import { wasm } from '../src/tensor/run/wasm/wasm.js'

export const ways = ['own', 'own, relaxed', 'blas'] as const

export type Way = (typeof ways)[number]

/** Node 20 has relaxed SIMD behind a flag, which is heeded until the first module is compiled; later ones need none. */
export const allowRelaxedSimd = (): void => {
  if (Number(process.versions.node.split('.')[0]) < 22) setFlagsFromString('--experimental-wasm-relaxed-simd')
}

/** A device of its own for each call, in a memory of its own. */
export const deviceFor = (way: Way): TaskEither<string, HostDevice<'sync'>> => {
  switch (way) {
    case 'own':
      return TE.fromIO(() => wasm())
    case 'own, relaxed':
      return TE.fromIO(() => wasm({ relaxed: true }))
    case 'blas':
      return pipe(
        blas(),
        TE.bimap(showDeviceError, (multiplier) => wasm({ multiplier }))
      )
  }
}

/** The same devices for worker threads, which acquire their own. */
export const choiceFor = (way: Way): DeviceChoice => ({
  device: 'wasm',
  matmul: way === 'blas' ? 'blas' : 'own',
  floats: 'float32',
  relaxed: way === 'own, relaxed'
})

/** A device, and the seconds that products by BLAS have taken on it so far. */
export type Watched = { readonly device: HostDevice<'sync'>; readonly productSeconds: () => number }

export const unwatched = (device: HostDevice<'sync'>): Watched => ({ device, productSeconds: () => 0 })

export const watchedBlas: TaskEither<string, Watched> = pipe(
  blas(),
  TE.bimap(showDeviceError, (multiplier) => {
    let seconds = 0
    const prepare: typeof multiplier.prepare = (contraction) =>
      pipe(
        multiplier.prepare(contraction),
        E.map((multiply) => (left, right, out) => {
          const run = multiply(left, right, out)
          return () => {
            const start = performance.now()
            const done = run()
            seconds += (performance.now() - start) / 1000
            return done
          }
        })
      )
    return { device: wasm({ multiplier: { ...multiplier, prepare } }), productSeconds: () => seconds }
  })
)
