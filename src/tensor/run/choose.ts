/**
 * Which device runs a program and who multiplies its matrices: from names to values, and what this machine offers.
 *
 * Two choices, made apart. A choice that cannot be had is an error; only `auto` decides anything, and the device's `name`
 * and `multiplier` say what it decided.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as T from 'fp-ts/lib/Task.js'
import type { Task } from 'fp-ts/lib/Task.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { FloatWidth } from '../dtype.js'
import { blas } from './blas.js'
import { namedLibrary } from './blas-library.js'
import { showDeviceError, type Device, type DeviceError } from './device.js'
import { gpuJs, gpuJsModes, type GpuJsMode } from './gpujs.js'
import type { Memory } from './memory.js'
import { reference } from './reference.js'
import { wasm } from './wasm.js'

export const deviceNames = ['auto', 'wasm', 'reference'] as const

export type DeviceName = (typeof deviceNames)[number]

export type MultiplierName = 'auto' | 'own' | 'blas' | 'gpu.js' | `gpu.js:${GpuJsMode}`

export const multiplierNames: ReadonlyArray<MultiplierName> = [
  'auto',
  'own',
  'blas',
  'gpu.js',
  ...gpuJsModes.map((mode) => `gpu.js:${mode}` as const)
]

/** Plain data: it can be read from a command line and sent to a worker. */
export type DeviceChoice = {
  /** `auto` is `wasm` in float32 and `reference` in float64. */
  readonly device: DeviceName
  /** `auto` is `blas` where this machine has one, else `own`; `gpu.js` is `gpu.js:webgpu`. */
  readonly matmul: MultiplierName
  readonly floats: FloatWidth
  /** See `WasmOptions`. */
  readonly relaxed?: boolean
}

const unsupported = (device: string, found: string, expected: string): DeviceError => ({
  _tag: 'Unsupported',
  device,
  found,
  expected
})

type GpuJsName = Exclude<MultiplierName, 'auto' | 'own' | 'blas'>

const gpuJsMode = (matmul: GpuJsName): GpuJsMode =>
  matmul === 'gpu.js' ? 'webgpu' : (gpuJsModes.find((mode) => matmul === `gpu.js:${mode}`) ?? 'webgpu')

const alsoOffering =
  (...names: ReadonlyArray<string>) =>
  (e: DeviceError): DeviceError =>
    e._tag === 'DeviceUnavailable' ? { ...e, available: [...names, ...e.available] } : e

const acquireReference = ({ matmul, floats }: DeviceChoice, memory?: Memory): E.Either<DeviceError, Device<'sync'>> =>
  matmul === 'own' || matmul === 'auto'
    ? E.right(reference({ floats, memory }))
    : E.left(unsupported('reference', `the multiplier ${matmul}`, 'own: the reference device takes no other'))

const acquireWasm = (
  { matmul, floats, relaxed }: DeviceChoice,
  memory?: Memory
): TE.TaskEither<DeviceError, Device<'sync'> | Device<'async'>> => {
  if (floats === 'float64') {
    return TE.left(unsupported('wasm', 'float64', 'float32: only the reference device computes in float64'))
  }
  const options = { memory, relaxed }
  const withBlas = pipe(
    blas(),
    TE.map((multiplier) => wasm({ ...options, multiplier }))
  )
  if (matmul === 'own') return TE.right(wasm(options))
  if (matmul === 'blas') return TE.mapLeft(alsoOffering('own'))(withBlas)
  // A library that was named and does not load is an error, never a reason to take another.
  if (matmul === 'auto')
    return namedLibrary() === undefined ? TE.orElse(() => TE.right(wasm(options)))(withBlas) : withBlas
  return pipe(
    gpuJs(gpuJsMode(matmul)),
    TE.bimap(alsoOffering('own'), (multiplier) => wasm({ ...options, multiplier }))
  )
}

/**
 * The chosen device, with the chosen multiplier inside it, working in the given memory or in one of its own. Whoever
 * acquires it releases it.
 *
 * Fails with `Unsupported` when the choices exclude one another, and with `DeviceUnavailable` when this machine lacks one.
 */
export const acquire = (
  choice: DeviceChoice,
  memory?: Memory
): TE.TaskEither<DeviceError, Device<'sync'> | Device<'async'>> => {
  switch (choice.device) {
    case 'reference':
      return TE.fromEither(acquireReference(choice, memory))
    case 'wasm':
      return acquireWasm(choice, memory)
    case 'auto':
      return choice.floats === 'float64' ? TE.fromEither(acquireReference(choice, memory)) : acquireWasm(choice, memory)
  }
}

/** One thing that can be chosen: whether it is here, and on what it would compute or why it is not. */
export type Surveyed = {
  readonly kind: 'device' | 'multiplier'
  readonly name: string
  readonly available: boolean
  readonly detail: string
}

const surveyMode =
  (mode: GpuJsMode): Task<Surveyed> =>
  async () => {
    const found = { kind: 'multiplier', name: `gpu.js:${mode}` } as const
    const multiplier = await gpuJs(mode)()
    if (E.isLeft(multiplier)) {
      const e = multiplier.left
      return { ...found, available: false, detail: e._tag === 'DeviceUnavailable' ? e.reason : showDeviceError(e) }
    }
    await multiplier.right.release()
    return { ...found, available: true, detail: multiplier.right.runsOn }
  }

const surveyBlas: Task<Surveyed> = pipe(
  blas(),
  TE.match(
    (e) => ({ available: false, detail: e._tag === 'DeviceUnavailable' ? e.reason : showDeviceError(e) }),
    ({ description, library }) => ({ available: true, detail: `${description} (${library})` })
  ),
  T.map((found) => ({ kind: 'multiplier', name: 'blas', ...found }))
)

/** Every device and multiplier by name, tried here and now, with the adapter that each GPU one would use. */
export const survey: Task<ReadonlyArray<Surveyed>> = async () => {
  const multipliers = [await surveyBlas(), ...(await Promise.all(gpuJsModes.map((mode) => surveyMode(mode)())))]
  return [
    {
      kind: 'device',
      name: 'wasm',
      available: true,
      detail: 'fused kernels as WebAssembly SIMD; float32; any multiplier'
    },
    {
      kind: 'device',
      name: 'reference',
      available: true,
      detail: 'plain arrays, the definition of every operation; float32 or float64; its own products'
    },
    { kind: 'multiplier', name: 'own', available: true, detail: 'the device multiplies for itself' },
    ...multipliers
  ]
}
