/**
 * The devices that can be chosen for a thread: those that compute in the thread itself. gpu.js, which is large and drives
 * hardware from one thread only, is not loaded, nor bundled with what imports this alone.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { blas } from './multipliers/blas.js'
import { namedLibrary } from './multipliers/blas-library.js'
import type { HostDevice, DeviceError } from './device.js'
import type { DeviceChoice } from './device-choice.js'
import type { Memory } from './memory/memory.js'
import { reference } from './reference/reference.js'
import { wasm } from './wasm/wasm.js'

export const unsupported = (device: string, found: string, expected: string): DeviceError => ({
  _tag: 'Unsupported',
  device,
  found,
  expected
})

/** Names what can be had instead of a multiplier that is not there. */
export const alsoOffering =
  (...names: ReadonlyArray<string>) =>
  (e: DeviceError): DeviceError =>
    e._tag === 'DeviceUnavailable' ? { ...e, available: [...names, ...e.available] } : e

const acquireReference = (
  { matmul, floats }: DeviceChoice,
  memory?: Memory
): E.Either<DeviceError, HostDevice<'sync'>> =>
  matmul === 'own' || matmul === 'auto'
    ? E.right(reference({ floats, memory }))
    : E.left(unsupported('reference', `the multiplier ${matmul}`, 'own: the reference device takes no other'))

const acquireWasm = (
  { matmul, floats, relaxed }: DeviceChoice,
  memory?: Memory
): TE.TaskEither<DeviceError, HostDevice<'sync'>> => {
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
  return TE.left(unsupported('wasm', `the multiplier ${matmul}`, 'own or blas: gpu.js is asynchronous'))
}

/** `acquire` of what is synchronous: fails with `Unsupported` also where gpu.js is to multiply. */
export const acquireSync = (choice: DeviceChoice, memory?: Memory): TE.TaskEither<DeviceError, HostDevice<'sync'>> => {
  switch (choice.device) {
    case 'reference':
      return TE.fromEither(acquireReference(choice, memory))
    case 'wasm':
      return acquireWasm(choice, memory)
    case 'webgpu':
      return TE.left(unsupported('webgpu', 'a device that answers later', 'one that computes in the calling thread'))
    case 'auto':
      return choice.floats === 'float64' ? TE.fromEither(acquireReference(choice, memory)) : acquireWasm(choice, memory)
  }
}
