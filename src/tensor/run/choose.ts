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
import { blas } from './multipliers/blas.js'
import { acquireSync, alsoOffering } from './choose-sync.js'
import { showDeviceError, type Device, type DeviceError } from './device.js'
import type { DeviceChoice, MultiplierName } from './device-choice.js'
import { gpuJs, gpuJsModes, type GpuJsMode } from './multipliers/gpujs.js'
import type { Memory } from './memory/memory.js'
import { wasm } from './wasm/wasm.js'

export { deviceNames, type DeviceChoice, type DeviceName, type MultiplierName } from './device-choice.js'

export const multiplierNames: ReadonlyArray<MultiplierName> = [
  'auto',
  'own',
  'blas',
  'gpu.js',
  ...gpuJsModes.map((mode) => `gpu.js:${mode}` as const)
]

const gpuJsModeOf = (matmul: MultiplierName): GpuJsMode | undefined =>
  matmul === 'gpu.js' ? 'webgpu' : gpuJsModes.find((mode) => matmul === `gpu.js:${mode}`)

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
  const mode = gpuJsModeOf(choice.matmul)
  return mode === undefined || choice.device === 'reference' || choice.floats === 'float64'
    ? acquireSync(choice, memory)
    : pipe(
        gpuJs(mode),
        TE.bimap(alsoOffering('own'), (multiplier) => wasm({ memory, relaxed: choice.relaxed, multiplier }))
      )
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
