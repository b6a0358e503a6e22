/**
 * Limits of GPUs that nobody built: so small that small cases have chunks, parts of rows and blocks.
 */

import fc from 'fast-check'
import { gpuLimits, type GpuLimits } from '../../../../src/tensor/program/gpu/gpu-limits.js'

/** What SwiftShader and the specification's smallest adapter have in common. */
export const adapter = {
  maxStorageBuffersPerShaderStage: 8,
  maxStorageBufferBindingSize: 2 ** 27,
  maxComputeWorkgroupsPerDimension: 65_535,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupStorageSize: 16_384
}

/** The numbers that decide how a loop is cut, and nothing else of it. */
export type Cuts = Pick<GpuLimits, 'workgroup' | 'lanes' | 'held' | 'chunks' | 'chunkRows' | 'scatterBlock' | 'longRow'>

export const cuts: fc.Arbitrary<Cuts> = fc.record({
  workgroup: fc.constantFrom(16, 64),
  lanes: fc.constantFrom(1, 2, 4, 8, 16),
  held: fc.constantFrom(1, 2, 4, 8),
  chunks: fc.constantFrom(1, 2, 5, 16, 64, 64),
  chunkRows: fc.constantFrom(1, 2, 3, 8),
  scatterBlock: fc.constantFrom(1, 2, 3, 16),
  longRow: fc.constantFrom(2, 4, 8, 16, 4096)
})

/** So few elements are many: small cases have values that are computed again, and random bits that are drawn in loops. */
export const eager = { largeSize: 3, sharedBytes: 16 }

export const limitsWith = (kernelBuffers: number, cut: Partial<Cuts>, isSoftware = false): GpuLimits => {
  const limits = gpuLimits(adapter, isSoftware)
  const loops = { ...limits.loops, kernelBuffers, ...eager }
  return { ...limits, ...cut, loops }
}
