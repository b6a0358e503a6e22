/**
 * Scatter-adds without races, in one order: points with the same index are linked, summed up within blocks of points, and the sums of
 * the blocks then added up.
 */

import { sizeOf } from '../../shape.js'
import { operandsOf, type FusedLoop } from '../fused.js'
import { dense } from '../views.js'
import type { GpuKernel } from './gpu-kernel.js'
import type { GpuLimits } from './gpu-limits.js'
import { filled, reordered, type Buffers } from './nests.js'
import { pruned } from '../fuse/group.js'

/** Of each step, whether it depends on an axis. */
const varyingAlong = ({ body }: FusedLoop, axis: number): ReadonlyArray<boolean> => {
  const varies: Array<boolean> = []
  for (const step of body)
    varies.push(('at' in step && step.at.strides[axis] !== 0) || operandsOf(step).some((x) => varies[x]))
  return varies
}

/** The kernels of a loop with one store, which scatters. */
export const scatterKernels = (loop: FusedLoop, limits: GpuLimits, buffers: Buffers): ReadonlyArray<GpuKernel> => {
  const [{ buffer: out, scatter }] = loop.stores
  if (scatter === undefined) throw new Error('gpu: a loop that does not scatter was lowered as one that does')
  if (loop.body.some(({ _tag }) => _tag === 'fold'))
    throw new Error('gpu: a scatter-add of what is folded along its row')
  const axes = loop.extents.map((_, axis) => axis)
  const isPoint = (axis: number): boolean => loop.stores[0].at.strides[axis] === 0
  if (axes.some((axis) => !isPoint(axis) && varyingAlong(loop, axis)[scatter.index]))
    throw new Error('gpu: a scatter-add whose places move with its indices')
  const pointAxes = axes.filter(isPoint)
  const nest = reordered(loop, [...pointAxes, ...axes.filter((axis) => !isPoint(axis))])
  const { extents, body } = nest
  const [{ at, value }] = nest.stores
  const count = pointAxes.length
  const inner = extents.slice(count)
  const points = sizeOf(extents.slice(0, count))
  const { dtype } = body[value]

  const stored = (step: number, buffer: number, axes: number): GpuKernel => ({
    _tag: 'map',
    loop: pruned({
      ...nest,
      extents: axes === 0 ? [1] : extents.slice(0, axes),
      body: body.map((s) =>
        'at' in s ? { ...s, at: { ...s.at, strides: axes === 0 ? [0] : s.at.strides.slice(0, axes) } } : s
      ),
      stores: [
        {
          buffer,
          at: dense(axes === 0 ? [1] : extents.slice(0, axes)),
          value: step,
          combine: undefined,
          scatter: undefined
        }
      ]
    })
  })

  const indices = buffers.scratch({ dtype: 'i32', size: points })
  const links = buffers.scratch({ dtype: 'u32', size: 3 * points })
  const sums = buffers.scratch({ dtype, size: sizeOf(extents) })
  const valueBody = pruned({ body, stores: [{ ...nest.stores[0], scatter: undefined }] })
  const reads = new Set(valueBody.body.flatMap((step) => ('buffer' in step ? [step.buffer] : [])))
  const isWide = reads.size + 2 > limits.loops.kernelBuffers
  const values = isWide ? buffers.scratch({ dtype, size: sizeOf(extents) }) : undefined
  return [
    ...filled(out, buffers.spec(out), 0),
    stored(scatter.index, indices, count),
    ...(values === undefined ? [] : [stored(value, values, extents.length)]),
    { _tag: 'links', indices, links, points, block: limits.scatterBlock, extent: scatter.extent },
    {
      _tag: 'gatheredSums',
      extents,
      pointAxes: count,
      body: values === undefined ? valueBody.body : [{ _tag: 'load', dtype, buffer: values, at: dense(extents) }],
      value: values === undefined ? valueBody.stores[0].value : 0,
      links,
      sums
    },
    {
      _tag: 'spread',
      dtype,
      indices,
      links,
      sums,
      points,
      extents: inner,
      out,
      at: { offset: at.offset, strides: at.strides.slice(count) },
      stride: scatter.stride
    }
  ]
}
