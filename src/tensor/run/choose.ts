/**
 * Which device runs a program and who multiplies its matrices: from names to values, and what this machine offers.
 *
 * Two choices, made apart. A choice that cannot be had is an error; only `auto` decides anything, and the device's `name`
 * and `multiplier` say what it decided.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type { Task } from 'fp-ts/lib/Task.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { FloatWidth } from '../dtype.js'
import { showDeviceError, type Device, type DeviceError } from './device.js'
import { gpuJs, gpuJsModes, type GpuJsMode } from './gpujs.js'
import { js } from './js.js'
import { own } from './own.js'
import { reference } from './reference.js'

export const deviceNames = ['auto', 'js', 'reference'] as const

export type DeviceName = (typeof deviceNames)[number]

export type MultiplierName = 'auto' | 'own' | 'gpu.js' | `gpu.js:${GpuJsMode}`

export const multiplierNames: ReadonlyArray<MultiplierName> = [
  'auto',
  'own',
  'gpu.js',
  ...gpuJsModes.map((mode) => `gpu.js:${mode}` as const)
]

/** Plain data: it can be read from a command line and sent to a worker. */
export type DeviceChoice = {
  /** `auto` is `js` in float32 and `reference` in float64. */
  readonly device: DeviceName
  /** `auto` is `own`, and `gpu.js` is `gpu.js:webgpu`. */
  readonly matmul: MultiplierName
  readonly floats: FloatWidth
}

const unsupported = (device: string, found: string, expected: string): DeviceError => ({
  _tag: 'Unsupported',
  device,
  found,
  expected
})

/** The gpu.js mode that a multiplier's name stands for; `undefined` for the device's own. */
const gpuJsMode = (matmul: MultiplierName): GpuJsMode | undefined =>
  matmul === 'gpu.js' ? 'webgpu' : gpuJsModes.find((mode) => matmul === `gpu.js:${mode}`)

const alsoOffering =
  (name: string) =>
  (e: DeviceError): DeviceError =>
    e._tag === 'DeviceUnavailable' ? { ...e, available: [name, ...e.available] } : e

const acquireReference = ({ matmul, floats }: DeviceChoice): E.Either<DeviceError, Device<'sync'>> =>
  gpuJsMode(matmul) === undefined
    ? E.right(reference({ floats }))
    : E.left(unsupported('reference', `the multiplier ${matmul}`, 'own: the reference device takes no other'))

const acquireJs = ({ matmul, floats }: DeviceChoice): TE.TaskEither<DeviceError, Device<'sync'> | Device<'async'>> => {
  if (floats === 'float64') {
    return TE.left(unsupported('js', 'float64', 'float32: only the reference device computes in float64'))
  }
  const mode = gpuJsMode(matmul)
  return mode === undefined ? TE.right(js(own())) : pipe(gpuJs(mode), TE.bimap(alsoOffering('own'), js))
}

/**
 * The chosen device, with the chosen multiplier inside it. Whoever acquires it releases it.
 *
 * Fails with `Unsupported` when the choices exclude one another, and with `DeviceUnavailable` when this machine lacks one.
 */
export const acquire = (choice: DeviceChoice): TE.TaskEither<DeviceError, Device<'sync'> | Device<'async'>> => {
  switch (choice.device) {
    case 'reference':
      return TE.fromEither(acquireReference(choice))
    case 'js':
      return acquireJs(choice)
    case 'auto':
      return choice.floats === 'float64' ? TE.fromEither(acquireReference(choice)) : acquireJs(choice)
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

/** Every device and multiplier by name, tried here and now, with the adapter that each GPU one would use. */
export const survey: Task<ReadonlyArray<Surveyed>> = async () => {
  const multipliers = await Promise.all(gpuJsModes.map((mode) => surveyMode(mode)()))
  return [
    {
      kind: 'device',
      name: 'js',
      available: true,
      detail: 'generated JavaScript over typed arrays; float32; any multiplier'
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
