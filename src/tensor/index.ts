/**
 * The tensor library: values, their vocabulary, programs made of them, and devices that run those.
 *
 * `random`, `tree` and `safetensors` are names of their own, because they use everyday words: `random.split` cuts a key,
 * `split` a tensor. What makes nodes and reaches into literals stays inside.
 */

// Values
export type { Data, DType, FloatWidth } from './dtype.js'
export type { Shape } from './shape.js'
export type { Tensor } from './tensor.js'
export { isLiteral, type Literal } from './literal.js'
export { showTensorError, TensorFault, type TensorError } from './fault.js'
export * from './values.js'
export * from './show.js'
export * from './instances.js'

// Vocabulary
export * from './ops/arithmetic.js'
export type { Operand } from './ops/broadcast.js'
export * from './ops/reduce.js'
export * from './ops/movement.js'
export * from './ops/contract.js'
export * from './ops/einsum.js'
export * from './ops/gather.js'
export * from './ops/create.js'
export * as random from './random.js'
export * as tree from './tree.js'

// Programs
export type { Instruction, Named, Program, Spec } from './program/program.js'
export { attempt, spec, trace, type Traced } from './program/trace.js'
export { explain, type Explainable } from './program/explain.js'
export { printProgram } from './program/print.js'
export { defaultPartitionLimits, type PartitionLimits } from './program/partition/limits.js'
export { programVersion, serialise } from './program/serialise.js'
export { deserialise, showProgramFormatError, type ProgramFormatError } from './program/deserialise.js'

// Devices
export {
  showDeviceError,
  type Device,
  type DeviceBuffer,
  type DeviceBuffers,
  type DeviceError,
  type HostDevice,
  type ProgramArray,
  type Executable,
  type Running,
  type Timing
} from './run/device.js'
export type { Contraction, StridedMatrix } from './program/kernel.js'
export type { Multiplier, Multiply } from './run/multipliers/multiplier.js'
export { reference } from './run/reference/reference.js'
export { wasm, type WasmOptions } from './run/wasm/wasm.js'
export { blas, type Blas } from './run/multipliers/blas.js'
export { attachMemory, createMemory, type Memory, type OutOfMemory } from './run/memory/memory.js'
export { gpuJs, gpuJsModes, type GpuJsMode, type GpuJsMultiplier } from './run/multipliers/gpujs.js'
export {
  acquire,
  deviceNames,
  multiplierNames,
  survey,
  type DeviceChoice,
  type DeviceName,
  type MultiplierName,
  type Surveyed
} from './run/choose.js'
export {
  evaluate,
  evaluateAll,
  evaluateTask,
  run,
  showEvaluationError,
  type Evaluated,
  type Ran,
  type EvaluateOptions,
  type EvaluationError
} from './run/evaluate.js'
export { compile, withCompiled } from './run/compile.js'
export { showStepError, type StepError } from './run/step-error.js'
export type { Compiled } from './run/resident.js'
export type { Handle } from './run/histories.js'

// Files
export * as safetensors from './safetensors.js'
export {
  fromLiteral,
  toLiteral,
  type NamedStored,
  type Stored,
  type StoredDType,
  type Unrepresentable
} from './stored.js'
