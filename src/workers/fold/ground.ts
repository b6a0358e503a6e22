/**
 * A device as a fold stands on it: its answers as tasks, programs with their constants, and what was allocated, to be released with it.
 */

import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { peek } from '../../tensor/literal.js'
import type { Lowered } from '../../tensor/program/lower.js'
import { outputSpecs, type Program, type Spec } from '../../tensor/program/program.js'
import type {
  Device,
  DeviceBlock,
  DeviceBuffer,
  DeviceBuffers,
  DeviceError,
  ProgramArray
} from '../../tensor/run/device.js'
import { settling } from '../../tensor/run/settling.js'
import type { Shape } from '../../tensor/shape.js'
import type { Arrays } from './fold.js'

/** A program on the device, with its constants. */
export type Loaded = {
  readonly specs: ReadonlyArray<Spec>
  readonly workingBytes: number
  readonly run: (
    inputs: ReadonlyArray<ProgramArray>,
    outputs: ReadonlyArray<ProgramArray>
  ) => TE.TaskEither<DeviceError, void>
}

/** A device whose answers are tasks. */
export type Ground = {
  readonly device: Device
  readonly allocate: (specs: ReadonlyArray<Spec>) => TE.TaskEither<DeviceError, DeviceBuffers>
  readonly allocateBlock: (shapes: ReadonlyArray<Shape>) => TE.TaskEither<DeviceError, DeviceBlock>
  readonly write: (buffers: ReadonlyArray<DeviceBuffer>, arrays: Arrays) => TE.TaskEither<DeviceError, void>
  readonly read: (buffers: ReadonlyArray<DeviceBuffer>) => TE.TaskEither<DeviceError, Arrays>
  /** Everything that was allocated. */
  readonly held: Array<DeviceBuffers>
}

export const groundOf = (device: Device): Ground => {
  const held: Array<DeviceBuffers> = []
  const holding = <A extends DeviceBuffers>(taken: TE.TaskEither<DeviceError, A>): TE.TaskEither<DeviceError, A> =>
    pipe(
      taken,
      TE.map((buffers) => {
        held.push(buffers)
        return buffers
      })
    )
  return {
    device,
    held,
    allocate: (specs) => holding(settling(device.allocate)(specs)),
    allocateBlock: (shapes) => holding(settling(device.allocateBlock)(shapes)),
    write: settling(device.write),
    read: settling(device.read)
  }
}

export const loaded = (
  ground: Ground,
  program: Program,
  captured: Lowered['captured'] = []
): TE.TaskEither<DeviceError, Loaded> =>
  pipe(
    TE.fromEither(ground.device.load(program)),
    TE.bindTo('executable'),
    TE.bind('constants', () => ground.allocate(captured)),
    TE.chainFirst(({ constants }) => ground.write(constants.list, captured.map(peek))),
    TE.map(({ executable, constants }): Loaded => {
      const run = settling(executable.run)
      return {
        specs: outputSpecs(program),
        workingBytes: executable.workingBytes,
        run: (inputs, outputs) => run([...inputs, ...constants.list], outputs)
      }
    })
  )
