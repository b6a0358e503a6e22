/**
 * Single loops lowered for a GPU.
 */

import { pruned } from '../../../../src/tensor/program/fuse/group.js'
import {
  operandsOf,
  readsOfFused,
  writesOfFused,
  type FusedLoop,
  type Store
} from '../../../../src/tensor/program/fused.js'
import type { GpuKernel } from '../../../../src/tensor/program/gpu/gpu-kernel.js'
import type { GpuLimits } from '../../../../src/tensor/program/gpu/gpu-limits.js'
import { loopKernels } from '../../../../src/tensor/program/gpu/loops.js'
import type { BufferSpec } from '../../../../src/tensor/program/kernel.js'
import { range } from '../../../../src/tensor/range.js'
import { place, points } from '../interpret.js'

export type LoweredLoop = {
  /** Those of the loop, then scratch. */
  readonly buffers: ReadonlyArray<BufferSpec>
  readonly kernels: ReadonlyArray<GpuKernel>
}

export const loweredLoop = (loop: FusedLoop, buffers: ReadonlyArray<BufferSpec>, limits: GpuLimits): LoweredLoop => {
  const specs = [...buffers]
  const kernels = loopKernels(loop, limits, {
    spec: (buffer) => specs[buffer],
    scratch: (spec) => specs.push(spec) - 1
  })
  return { buffers: specs, kernels }
}

/** How many buffers a loop binds by itself. */
export const boundBy = (loop: FusedLoop): number => new Set([...readsOfFused(loop), ...writesOfFused(loop)]).size

/** Whether different indices at different places of the other axes come to different elements, as in every table. */
const isTable = ({ extents }: FusedLoop, { at, scatter }: Store): boolean => {
  const inner = extents.map((extent, axis) => (at.strides[axis] === 0 ? 1 : extent))
  const places = Array.from(points(inner), (x) => place(at, x))
  const all = places.flatMap((from) => range(scatter?.extent ?? 1).map((j) => from + j * (scatter?.stride ?? 0)))
  return new Set(all).size === all.length
}

/**
 * Whether a device whose scatters stand alone is given such a loop by programs: what is scattered is not folded, its place and its index
 * do not move together, and goes to a table.
 */
export const isForGpu = (loop: FusedLoop): boolean =>
  loop.stores.every((store) => {
    const { scatter, at } = store
    if (scatter === undefined) return true
    if (!isTable(loop, store) || pruned({ ...loop, stores: [store] }).body.some(({ _tag }) => _tag === 'fold'))
      return false
    const { body } = loop
    const moves = (step: number, axis: number): boolean => {
      const of = body[step]
      return ('at' in of && of.at.strides[axis] !== 0) || operandsOf(of).some((x) => moves(x, axis))
    }
    return loop.extents.every((_, axis) => at.strides[axis] === 0 || !moves(scatter.index, axis))
  })
