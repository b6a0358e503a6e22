/**
 * Who multiplies matrices: the one expensive primitive, pluggable on its own.
 *
 * A multiplier is handed batched products of strided f32 matrices, and knows nothing of programs.
 */

import type { Contraction } from '../../program/kernel.js'
import type { DeviceError, Running, Timing } from '../device.js'
import type { Either } from 'fp-ts/lib/Either.js'
import type { Task } from 'fp-ts/lib/Task.js'

export type Multiply<T extends Timing> = (
  left: Float32Array,
  right: Float32Array,
  out: Float32Array
) => Running<T, DeviceError, void>

export type Multiplier<T extends Timing = Timing> = {
  readonly name: string
  readonly timing: T
  /** Whether a contraction is worth handing over; all are where this is missing. A device multiplies the others itself. */
  readonly takes?: (contraction: Contraction) => boolean
  /** Prepares one contraction; called once per contraction of a loaded program. All extents are at least 1. */
  readonly prepare: (contraction: Contraction) => Either<DeviceError, Multiply<T>>
  readonly release: Task<void>
}
