/**
 * WebAssembly as expressions: instructions are functions from the code of their operands to code, and a module is bytes.
 *
 * The instructions of a type are a module of its name, `import * as f32x4 from './assembler/f32x4.js'`: those that something uses.
 *
 * Nothing is checked here beyond what the types say; the engine validates the module. Opcodes are those of the
 * WebAssembly core specification, release 2 (SIMD), and of the relaxed SIMD proposal.
 */

export type { Code, Local, ValueType } from './assembler/code.js'
export * from './assembler/control.js'
export {
  call,
  maximumPages,
  moduleDraft,
  type Callee,
  type FunctionSource,
  type ModuleDraft,
  type Scope
} from './assembler/module.js'
