/**
 * What a pool and its threads say to each other: control only, carried by comlink; arrays stay in the pool's memory.
 *
 * Methods answer expected failures as `Either`, since comlink strips a thrown error of its fields. What is thrown all the
 * same (a defect, or the engine's own errors) still arrives as a rejection with its message.
 */

import type { Either } from 'fp-ts/lib/Either.js'
import type { Program } from '../../tensor/program/program.js'
import type { Compilation } from '../../tensor/run/wasm/compilation.js'
import type { DeviceChoice } from '../../tensor/run/device-choice.js'
import type { WorkerError } from '../error.js'
import type { Missing, Workspace } from './workspace.js'
import type { DeviceFacts, LoadedProgram, ProgramId, ProgramTask } from './runner.js'

/** The tasks are done, or the next of them has not begun for want of a workspace. */
export type Ran = { readonly _tag: 'Done' } | ({ readonly _tag: 'NeedsWorkspace' } & Missing)

export type ThreadApi = {
  /** Acquires the thread's own device, working in the pool's memory, which must be shared and has a limit: the first call, once. */
  readonly open: (
    choice: DeviceChoice,
    memory: WebAssembly.Memory,
    limit: number
  ) => Promise<Either<WorkerError, DeviceFacts>>
  /** Compiles a program, given as `serialise` spells it. */
  readonly load: (id: ProgramId, text: string) => Promise<Either<WorkerError, LoadedProgram>>
  /** Takes a program as another thread of this pool compiled it. */
  readonly adopt: (id: ProgramId, program: Program, compilation: Compilation) => Promise<Either<WorkerError, void>>
  /**
   * Runs tasks one after the other, with `workspace` to work in. Counts those that are done in the word at address `progress`, and
   * begins with the first that is not. Counts the groups of outputs that the task at hand has finished in the word after that,
   * and wakes whoever waits for it to change.
   */
  readonly run: (
    tasks: ReadonlyArray<ProgramTask>,
    workspace: Workspace,
    progress: number
  ) => Promise<Either<WorkerError, Ran>>
}
