/**
 * Kernels of a GPU as shaders: a row for each kind.
 */

import type { Dispatch } from '../../program/gpu/dispatch.js'
import type { GpuKernel, GpuProduct } from '../../program/gpu/gpu-kernel.js'
import type { GpuLimits } from '../../program/gpu/gpu-limits.js'
import { noHalves } from '../../program/gpu/storages.js'
import { sizeOf } from '../../shape.js'
import { finishPart } from './finish.js'
import { mapPart } from './map.js'
import { randomPart } from './random.js'
import { rowPart } from './row.js'
import { gatheredSumsPart, linksPart, spreadPart } from './scatter.js'
import { dispatchOf, type ShaderPart } from './shader.js'

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

/** Kernels that run at once, as one dispatch; of their buffers `halves` are stored as f16. Products have printers of their own. */
export const jointDispatch = (
  kernels: ReadonlyArray<GpuKernel>,
  { workgroup }: GpuLimits,
  halves: ReadonlySet<number> = noHalves
): Dispatch =>
  dispatchOf(
    kernels.flatMap((kernel) => (kernel._tag === 'contraction' ? [] : [partOf(kernel, workgroup)])),
    halves
  )
