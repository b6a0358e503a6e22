/**
 * Kernels of a GPU as shaders: a row for each kind.
 */

import type { Dispatches } from '../../program/gpu/dispatch.js'
import type { GpuKernel, GpuProduct } from '../../program/gpu/gpu-kernel.js'
import type { GpuLimits } from '../../program/gpu/gpu-limits.js'
import { sizeOf } from '../../shape.js'
import { finishPart } from './finish.js'
import { mapPart } from './map.js'
import { randomPart } from './random.js'
import { rowPart } from './row.js'
import { gatheredSumsPart, linksPart, spreadPart } from './scatter.js'
import { dispatchOf, type ShaderPart } from './shader.js'

/** The dispatches of a product, whose scratch buffers are numbered from `firstScratch` on. */
export type Multiply = (product: GpuProduct, firstScratch: number) => Dispatches

const partOf = (kernel: Exclude<GpuKernel, GpuProduct>, workgroup: number): ShaderPart => {
  switch (kernel._tag) {
    case 'map':
      return mapPart(kernel, workgroup)
    case 'row':
      return rowPart(kernel)
    case 'finish':
      return finishPart(kernel, workgroup)
    case 'links':
      return linksPart(kernel, workgroup)
    case 'gatheredSums':
      return gatheredSumsPart(kernel, sizeOf(kernel.extents.slice(0, kernel.pointAxes)), workgroup)
    case 'spread':
      return spreadPart(kernel, workgroup)
    case 'random':
      return randomPart(kernel, workgroup)
  }
}

const isPart = (kernel: GpuKernel): kernel is Exclude<GpuKernel, GpuProduct> => kernel._tag !== 'contraction'

/** The dispatches of kernels that run at once: of a product, or of any number of others. */
export const dispatchesOf = (
  kernels: ReadonlyArray<GpuKernel>,
  { workgroup }: GpuLimits,
  multiply: Multiply,
  firstScratch: number
): Dispatches => {
  const [first] = kernels
  if (first._tag === 'contraction') return multiply(first, firstScratch)
  return { list: [dispatchOf(kernels.filter(isPart).map((kernel) => partOf(kernel, workgroup)))], scratch: [] }
}
