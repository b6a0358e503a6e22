/**
 * What a device is: something that gives programs their meaning.
 *
 * Loading a program is pure and synchronous. Running is typed by the device: `'sync'` devices run in an `IOEither`,
 * `'async'` ones (any device with a GPU in it, if only as its multiplier) in a `TaskEither`.
 */

import type { Either } from 'fp-ts/lib/Either.js'
import type { IOEither } from 'fp-ts/lib/IOEither.js'
import type { IO } from 'fp-ts/lib/IO.js'
import type { Task } from 'fp-ts/lib/Task.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { Data, DType, FloatWidth } from '../dtype.js'
import type { DeviceLimits } from '../program/device-limits.js'
import type { Explainable } from '../program/explain.js'
import type { Program, Spec } from '../program/program.js'
import type { Shape } from '../shape.js'
import type { Compilation } from './wasm/compilation.js'
import type { Memory, OutOfMemory } from './memory/memory.js'

export type Timing = 'sync' | 'async'

export type Running<T extends Timing, E, A> = T extends 'sync' ? IOEither<E, A> : TaskEither<E, A>

export type DeviceError =
  /** The device or multiplier that was asked for cannot be had on this machine. */
  | {
      readonly _tag: 'DeviceUnavailable'
      readonly wanted: string
      readonly reason: string
      readonly available: ReadonlyArray<string>
    }
  /** The program needs something that this device does not do. */
  | { readonly _tag: 'Unsupported'; readonly device: string; readonly found: string; readonly expected: string }
  /** The arrays handed to `run` are not those the program asks for. */
  | { readonly _tag: 'WrongArrays'; readonly device: string; readonly found: string; readonly expected: string }
  | { readonly _tag: 'DeviceFailed'; readonly device: string; readonly reason: string }
  | OutOfMemory

/** To a tenth of the largest decimal unit that fits: `5.4 GB`. */
const showBytes = (bytes: number): string => {
  const units = [['GB', 1e9] as const, ['MB', 1e6] as const, ['kB', 1e3] as const]
  const fitting = units.find(([, size]) => bytes >= size)
  return fitting === undefined ? `${bytes} bytes` : `${(bytes / fitting[1]).toFixed(1)} ${fitting[0]}`
}

export const showDeviceError = (e: DeviceError): string => {
  switch (e._tag) {
    case 'DeviceUnavailable':
      return `${e.wanted} is not available: ${e.reason}. Available here: ${e.available.join(', ')}`
    case 'Unsupported':
    case 'WrongArrays':
      return `${e.device}: found ${e.found}, expected ${e.expected}`
    case 'DeviceFailed':
      return `${e.device}: ${e.reason}`
    case 'OutOfMemory':
      return `memory: ${showBytes(e.wanted)} wanted with ${showBytes(e.inUse)} in use, of ${showBytes(e.limit)} at most`
  }
}

/** A loaded program. Its working memory is its own: runs that overlap are carried out one after the other. */
export type Executable<T extends Timing> = Explainable & {
  /** Bytes of working memory beyond inputs and outputs. */
  readonly workingBytes: number
  /** Times that the device is asked to begin with something in a run, where that counts. */
  readonly launches?: number
  /**
   * Reads `inputs` and writes every element of `outputs`, in the program's order. No output overlaps an input or another output.
   * `observe` hears of every kernel when it is done, or after all of them where the device keeps time itself.
   *
   * Where all outputs are buffers it may settle before the work is done: what is asked of the device from then on comes after it.
   */
  readonly run: (
    inputs: ReadonlyArray<ProgramArray>,
    outputs: ReadonlyArray<ProgramArray>,
    observe?: Observe
  ) => Running<T, DeviceError, void>
}

/**
 * Told the number of a kernel, as in `Executable.kernels`, when it is done, or when a part of it is, and how long that took by the device's own
 * clock, where it has one.
 */
export type Observe = (kernel: number, seconds?: number) => void

/** An array that lies on a device. Which bytes it is, only its device knows. */
export type DeviceBuffer = { readonly _tag: 'DeviceBuffer'; readonly dtype: DType; readonly size: number }

/** Buffers for as long as somebody holds one, or until they are released. */
export type DeviceBuffers = { readonly list: ReadonlyArray<DeviceBuffer>; readonly release: IO<void> }

/** Buffers of f32 that lie in one block, in their order, with gaps between. The `whole` is that block as one array, gaps included. */
export type DeviceBlock = DeviceBuffers & { readonly whole: DeviceBuffer }

/** What a program reads or writes: an array here, copied there and back, or one that lies on the device. */
export type ProgramArray = Data | DeviceBuffer

export const isBuffer = (array: ProgramArray): array is DeviceBuffer => '_tag' in array

export type Device<T extends Timing = Timing> = {
  readonly name: string
  readonly multiplier: string
  readonly timing: T
  /** How this device holds f32. */
  readonly floats: FloatWidth
  /** What its programs are scheduled, fused and planned for. */
  readonly limits: DeviceLimits
  /** Zeroed buffers for arrays: for all of them, or `OutOfMemory`. */
  readonly allocate: (specs: ReadonlyArray<Spec>) => Running<T, DeviceError, DeviceBuffers>
  /** The same in one block, of f32. Equal shapes give equal blocks, so what is computed of blocks is computed of all their buffers. */
  readonly allocateBlock: (shapes: ReadonlyArray<Shape>) => Running<T, DeviceError, DeviceBlock>
  /** Copies arrays into buffers of their dtypes and sizes. f32 is rounded or widened to the device's width. */
  readonly write: (buffers: ReadonlyArray<DeviceBuffer>, arrays: ReadonlyArray<Data>) => Running<T, DeviceError, void>
  /** Copies of what buffers hold. */
  readonly read: (buffers: ReadonlyArray<DeviceBuffer>) => Running<T, DeviceError, ReadonlyArray<Data>>
  readonly load: (program: Program) => Either<DeviceError, Executable<T>>
  readonly release: Task<void>
}

export type HostExecutable<T extends Timing> = Executable<T> & {
  /** What another device of the same kind, on a memory of the same kind, can load it from; absent where there is none. */
  readonly compilation?: Compilation
}

/** A device that works in the memory of this process, which its threads can have in common. */
export type HostDevice<T extends Timing = Timing> = Omit<Device<T>, 'load'> & {
  /** Where it works, from the first call on the same: arrays that lie there it reads and writes in place. */
  readonly memory: IOEither<DeviceError, Memory>
  /** `compilation` is of the same program, by another such device in this process: that much need not be done again. */
  readonly load: (program: Program, compilation?: Compilation) => Either<DeviceError, HostExecutable<T>>
}
