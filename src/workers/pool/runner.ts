/**
 * Running programs on one device over slots of its memory: what a worker does, in whichever thread it lives.
 */

import * as E from 'fp-ts/lib/Either.js'
import type { Program } from '../../tensor/program/program.js'
import { lastWrites } from '../../tensor/program/finish.js'
import type { DeviceLimits } from '../../tensor/program/device-limits.js'
import type { FusedProgram } from '../../tensor/program/fused.js'
import type { Compilation } from '../../tensor/run/wasm/compilation.js'
import type { HostDevice, DeviceError, Executable, Observe, Timing } from '../../tensor/run/device.js'
import type { FloatWidth } from '../../tensor/dtype.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { IOEither } from 'fp-ts/lib/IOEither.js'
import type { WorkerError } from '../error.js'
import { view, type Slot } from './memory.js'

/** The number under which a pool loaded a program. */
export type ProgramId = number

/**
 * One run of a loaded program: it reads `inputs` and writes every element of `outputs`, both in the program's order.
 * A task changes nothing but its outputs, which overlap no input: doing it twice is doing it once.
 */
export type ProgramTask = {
  readonly program: ProgramId
  readonly inputs: ReadonlyArray<Slot>
  readonly outputs: ReadonlyArray<Slot>
  /** Groups of outputs, by position, of which it says when they are finished, one after the other. */
  readonly groups?: ReadonlyArray<ReadonlyArray<number>>
}

/** What loading a program comes to. */
export type LoadedProgram = {
  /** The bytes that it works in. */
  readonly workingBytes: number
  /** What other threads can load it from; absent where nothing is compiled, or it cannot cross. */
  readonly compilation?: Compilation
}

/** What a device says of itself. */
export type DeviceFacts = {
  readonly name: string
  readonly multiplier: string
  readonly timing: Timing
  readonly floats: FloatWidth
  readonly limits: DeviceLimits
}

export const factsOf = ({ name, multiplier, timing, floats, limits }: HostDevice): DeviceFacts => ({
  name,
  multiplier,
  timing,
  floats,
  limits
})

/** A device with the programs that were loaded on it. One call at a time. */
export type Runner = {
  /** `compilation` is what another thread's device made of the same program. */
  readonly load: (id: ProgramId, program: Program, compilation?: Compilation) => IOEither<DeviceError, LoadedProgram>
  /** `finished` hears how many of the task's groups are, from the first on, whenever they are more; of the last with the end. */
  readonly run: (task: ProgramTask, finished?: (groups: number) => void) => TaskEither<WorkerError, void>
}

/** Hears of kernels, and says how many groups of outputs are finished, from the first on, when they are more. */
const groupWatch = (
  kernels: FusedProgram,
  groups: ReadonlyArray<ReadonlyArray<number>>,
  finished: (groups: number) => void
): Observe => {
  const last = lastWrites(kernels)
  const ends = groups.map((group) => Math.max(-1, ...group.map((output) => last[output])))
  let count = 0
  return (kernel) => {
    const before = count
    while (count < ends.length && ends[count] <= kernel) count++
    if (count > before) finished(count)
  }
}

export const runnerOf = (device: HostDevice): Runner => {
  const loaded = new Map<ProgramId, Executable<Timing>>()
  return {
    load: (id, program, given) => () =>
      E.Functor.map(device.load(program, given), (executable) => {
        loaded.set(id, executable)
        const { workingBytes, compilation } = executable
        return { workingBytes, compilation }
      }),
    run:
      ({ program, inputs, outputs, groups }, finished) =>
      async () => {
        const executable = loaded.get(program)
        if (executable === undefined)
          return E.left({
            _tag: 'ProgramRejected',
            program: String(program),
            found: 'a task for it',
            expected: 'a program that was loaded'
          })
        const memory = device.memory()
        if (E.isLeft(memory)) return memory
        const arrays = view(memory.right, device.floats)
        const { kernels } = executable
        const observe = groups && finished && kernels && groupWatch(kernels, groups, finished)
        return executable.run(inputs.map(arrays), outputs.map(arrays), observe)()
      }
  }
}
