/**
 * What is the same for everything that is done on one GPU device, and the order in which it is done.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { InOrder } from '../../in-order.js'
import type { GpuLimits } from '../../program/gpu/gpu-limits.js'
import type { DeviceBuffer, DeviceError } from '../device.js'
import type { Gpu } from './gpu.js'
import type { GpuJsProducts } from './gpujs-products.js'
import type { Pipelines } from './pipelines.js'
import type { Storage, Stored } from './storage.js'

export type Context = {
  readonly gpu: Gpu
  readonly limits: GpuLimits
  readonly pipelines: Pipelines
  /** Who multiplies what it can express, where that is not the device itself. */
  readonly gpuJs: GpuJsProducts | undefined
  /** Of arrays and temporaries, and of what is read back. */
  readonly storage: Storage
  readonly readback: Storage
  /** Where each buffer of this device lies. */
  readonly known: WeakMap<DeviceBuffer, Stored>
  /** What is submitted is submitted in the order in which it was asked for. */
  readonly gate: InOrder
}

/** What has gone wrong by now, wherever it was. */
export const sound = ({ gpu }: Context): E.Either<DeviceError, void> => {
  const failure = gpu.failure()
  return failure === undefined ? E.right(undefined) : E.left(failure)
}

/** What has been submitted, and is awaited by whoever wants it: by then the next may have been submitted. */
export type Pending = TE.TaskEither<DeviceError, void>

export const nothingPending: Pending = TE.right(undefined)

/** Passes the gate until what is asked for is submitted, and waits for it outside. */
export const submitted = (
  context: Context,
  work: TE.TaskEither<DeviceError, Pending>
): TE.TaskEither<DeviceError, void> =>
  pipe(
    context.gate(work),
    TE.chain((pending) => pending),
    TE.chainEitherK(() => sound(context))
  )
