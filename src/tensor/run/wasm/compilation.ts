/**
 * A compiled program before anything of a thread is in it: data, and a module that the threads of a process can have in common.
 */

import type { EmittedKernel } from '../../emit/wasm/loop.js'
import type { FusedProgram } from '../../program/fused.js'
import type { Plan } from '../../program/plan.js'

/** It crosses to another thread in any message, by structured clone, which copies the data and not the module. */
export type Compilation = {
  readonly kernels: FusedProgram
  readonly plan: Plan
  readonly scratchBytes: number
  readonly module: WebAssembly.Module
  /** Of each kernel, its function in the module; `undefined` for products. */
  readonly emitted: ReadonlyArray<EmittedKernel | undefined>
}
