/**
 * Fused programs as programs of a GPU: kernels over buffers, each kernel with the number of the fused kernel that it is a part of.
 */

import type { FusedProgram } from '../fused.js'
import type { BufferSpec } from '../kernel.js'
import type { GpuKernel } from './gpu-kernel.js'
import type { GpuLimits } from './gpu-limits.js'
import { loopKernels } from './loops.js'

export type GpuProgram = {
  readonly inputs: number
  readonly outputs: number
  /** Those of the fused program, then scratch. */
  readonly buffers: ReadonlyArray<BufferSpec>
  readonly kernels: ReadonlyArray<{ readonly kernel: GpuKernel; readonly origin: number }>
}

export const lowerToGpu = ({ inputs, outputs, buffers, kernels }: FusedProgram, limits: GpuLimits): GpuProgram => {
  const specs: Array<BufferSpec> = [...buffers]
  const scratch = {
    spec: (buffer: number): BufferSpec => specs[buffer],
    scratch: (spec: BufferSpec): number => specs.push(spec) - 1
  }
  const lowered = kernels.flatMap((kernel, origin) => {
    switch (kernel._tag) {
      case 'loop':
        return loopKernels(kernel, limits, scratch).map((part) => ({ kernel: part, origin }))
      case 'contraction':
      case 'random':
        return [{ kernel, origin }]
      case 'panels':
        throw new Error('gpu: panels were made for a device that has none')
    }
  })
  return { inputs, outputs, buffers: specs, kernels: lowered }
}
