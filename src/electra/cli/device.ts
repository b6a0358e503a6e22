/**
 * The device that a command's options ask for.
 */

import { setFlagsFromString } from 'node:v8'
import { pipe } from 'fp-ts/lib/function.js'
import type { IO } from 'fp-ts/lib/IO.js'
import * as IOE from 'fp-ts/lib/IOEither.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { FloatWidth } from '../../tensor/index.js'
import {
  acquire,
  type DeviceChoice,
  type DeviceName,
  type MultiplierName,
  type Precision
} from '../../tensor/run/choose.js'
import { showDeviceError, type Device } from '../../tensor/run/device.js'
import { failedWith, wrongUsage, type Failure } from './outcome.js'

export type DeviceOptions = {
  readonly device: DeviceName
  readonly matmul: MultiplierName
  readonly relaxedSimd: boolean
  /** Of `devices`, by its number. */
  readonly adapter?: number
  /** Of `webgpu`; others compute in float32. */
  readonly precision?: Precision
}

/** Node 20 has relaxed SIMD behind a flag, which holds for all threads of the process; later ones need none. */
const allowRelaxedSimd: IO<void> = () => {
  if (process.versions.node.startsWith('20.')) setFlagsFromString('--experimental-wasm-relaxed-simd')
}

/** Prepares the engine where it must be asked. Where it has no relaxed SIMD all the same, loading a program says so. */
export const choiceOf = (
  { device, matmul, relaxedSimd, adapter, precision }: DeviceOptions,
  floats: FloatWidth = 'float32'
): IOE.IOEither<Failure, DeviceChoice> => {
  if (adapter !== undefined && device !== 'webgpu')
    return IOE.left(
      wrongUsage(`--adapter: found it with the device ${device}, expected --device webgpu: no other has adapters`)
    )
  const mixed = device === 'webgpu' && precision === 'mixed' ? { precision } : {}
  if (!relaxedSimd) return IOE.right({ device, matmul, floats, adapter, ...mixed })
  if (device === 'reference' || device === 'webgpu' || floats === 'float64')
    return IOE.left(wrongUsage('--relaxed-simd: only the device wasm, in float32, has such products'))
  return pipe(
    IOE.fromIO(allowRelaxedSimd),
    IOE.map(() => ({ device, matmul, floats, relaxed: true }))
  )
}

/** Acquires the device for `use`, and releases it whatever happens. */
export const withDevice =
  (options: DeviceOptions, floats?: FloatWidth) =>
  <A>(use: (device: Device) => TE.TaskEither<Failure, A>): TE.TaskEither<Failure, A> =>
    TE.bracket(
      pipe(
        TE.fromIOEither(choiceOf(options, floats)),
        TE.chain((choice) => TE.mapLeft(failedWith(showDeviceError))(acquire(choice)))
      ),
      use,
      (device) => TE.fromTask(device.release)
    )
