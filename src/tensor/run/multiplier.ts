/**
 * Who multiplies matrices: the one expensive primitive, pluggable on its own.
 *
 * A multiplier is handed batched products of strided f32 matrices, and knows nothing of programs.
 */

import type { Shape } from '../shape.js'
import type { DeviceError, Running, Timing } from './device.js'
import type { Either } from 'fp-ts/lib/Either.js'
import type { Task } from 'fp-ts/lib/Task.js'

/** A matrix per batch index, inside a flat array: element (i, j) of batch b is at `offset + b . batch + i * row + j * column`. */
export type StridedMatrix = {
  readonly offset: number
  readonly batch: ReadonlyArray<number>
  readonly row: number
  readonly column: number
}

/** `out[b, i, j] = sum_p left[b, i, p] right[b, p, j]`, `out` row-major and dense. Strides may be 0. */
export type Contraction = {
  readonly batch: Shape
  readonly m: number
  readonly n: number
  readonly k: number
  readonly left: StridedMatrix
  readonly right: StridedMatrix
}

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
