/**
 * What the shape of a GPU decides about its kernels. Numbers belong to the kind of device, never to a measurement: bits depend on them.
 */

import type { DeviceLimits } from '../device-limits.js'
import { bigGpuSplit, softwareSplit, type ProductLimits } from './tiles.js'

export type GpuLimits = {
  /** What loops may be. */
  readonly loops: DeviceLimits
  readonly products: ProductLimits
  /** Whether the tile of each distinct product is found by timing those that fit. */
  readonly race: boolean
  /** Bytes of the largest array that a kernel can be given. */
  readonly bindingBytes: number
  /** Invocations of a workgroup. A power of two. */
  readonly workgroup: number
  /** Most invocations that share a row, and wait for one another: few where that is dear, as on a CPU that plays a GPU. */
  readonly lanes: number
  /** Most elements of a row that one invocation holds in registers. */
  readonly held: number
  /** Chunks of rows that there are to be, for every part of the machine to have some. */
  readonly chunks: number
  /** Fewest rows of a chunk: each chunk has a partial result to write and to read again. */
  readonly chunkRows: number
  /** Points of a block in scatter-adds. */
  readonly scatterBlock: number
  /** Most kernels that are one launch. */
  readonly joined: number
  /** Rows from this length on are cut where there are too few of them. */
  readonly longRow: number
}

/** What an adapter says of itself. */
export type AdapterLimits = Pick<
  GPUSupportedLimits,
  | 'maxStorageBuffersPerShaderStage'
  | 'maxStorageBufferBindingSize'
  | 'maxComputeWorkgroupsPerDimension'
  | 'maxComputeInvocationsPerWorkgroup'
  | 'maxComputeWorkgroupStorageSize'
>

const loopsOf = (kernelBuffers: number): DeviceLimits => ({
  kernelBuffers,
  // What vanishes costs a GPU nothing.
  joinedBuffers: 64,
  inlinedSteps: 128,
  joinedSteps: 160,
  combinesWithRowWork: true,
  scattersWithRowWork: false,
  drawsInLoops: true,
  sharesPartials: true,
  rematerialises: true,
  lanes: 32,
  shortestRow: 8,
  largeSize: 4096,
  sharedBytes: 4096,
  // Invocations side by side load elements side by side, or one by one.
  costs: { gathered: 8, dear: 16, recomputed: 6, strided: 16, combined: 3 },
  boolBytes: 4,
  alignment: 256,
  panels: undefined
})

type Kind = Omit<GpuLimits, 'loops' | 'products' | 'race' | 'bindingBytes'>

const hardware: Kind = {
  workgroup: 128,
  lanes: 128,
  held: 8,
  chunks: 1024,
  chunkRows: 8,
  scatterBlock: 256,
  joined: 8,
  longRow: 4096
}

/**
 * Of an adapter that is a CPU: its threads run a workgroup's invocations four at a time, and those that have nothing to do like the others.
 * Among four, waiting costs little.
 */
const software: Kind = {
  workgroup: 16,
  lanes: 4,
  held: 4,
  chunks: 16,
  chunkRows: 32,
  scatterBlock: 256,
  // Its launches cost next to nothing, and its compiler is slower the more there is in one.
  joined: 1,
  longRow: 4096
}

export const gpuLimits = (
  adapter: AdapterLimits,
  isSoftware: boolean,
  { precision, matrices }: Pick<ProductLimits, 'precision' | 'matrices'> = { precision: 'float32', matrices: false }
): GpuLimits => ({
  loops: loopsOf(adapter.maxStorageBuffersPerShaderStage),
  products: {
    maxComputeWorkgroupsPerDimension: adapter.maxComputeWorkgroupsPerDimension,
    maxComputeInvocationsPerWorkgroup: adapter.maxComputeInvocationsPerWorkgroup,
    maxComputeWorkgroupStorageSize: adapter.maxComputeWorkgroupStorageSize,
    isSoftware,
    precision,
    matrices,
    split: isSoftware ? softwareSplit : bigGpuSplit
  },
  race: !isSoftware,
  bindingBytes: adapter.maxStorageBufferBindingSize,
  ...(isSoftware ? software : hardware)
})
