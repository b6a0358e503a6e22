/**
 * A device and who multiplies its matrices, by their names: plain data that can be read from a command line and sent to a
 * worker.
 */

import type { FloatWidth } from '../dtype.js'
import type { Precision } from '../program/gpu/storages.js'
import type { GpuJsMode } from './multipliers/gpujs.js'

export const deviceNames = ['auto', 'wasm', 'reference', 'webgpu'] as const

export type DeviceName = (typeof deviceNames)[number]

export type GpuJsName = 'gpu.js' | `gpu.js:${GpuJsMode}`

export type MultiplierName = 'auto' | 'own' | 'blas' | GpuJsName

export { precisions, type Precision } from '../program/gpu/storages.js'

export type DeviceChoice = {
  /** `auto` is `wasm` in float32 and `reference` in float64. */
  readonly device: DeviceName
  /** `auto` is `blas` where this machine has one, else `own`; `gpu.js` is `gpu.js:webgpu`. */
  readonly matmul: MultiplierName
  readonly floats: FloatWidth
  /** The adapter of `webgpu`, by its number among those that WebGPU finds here; by default the one that it prefers. */
  readonly adapter?: number
  /** float32, where not given; mixed on `webgpu` alone. */
  readonly precision?: Precision
  /** See `WasmOptions`. */
  readonly relaxed?: boolean
}
