/**
 * Products of which each slice of the sum is a result of its own, and who adds those up.
 */

import { sizeOf } from '../../shape.js'
import { dense } from '../views.js'
import type { GpuKernel, GpuProduct } from './gpu-kernel.js'
import type { Buffers } from './nests.js'
import { slicesOf, type ProductLimits } from './tiles.js'

/** A product as it is carried out: where its sum is cut, its slices are added first to last, and the epilogue comes after that. */
export const sliced = (
  product: GpuProduct,
  limits: Pick<ProductLimits, 'split'>,
  { scratch }: Pick<Buffers, 'scratch'>
): ReadonlyArray<GpuKernel> => {
  const { contraction, out, epilogue } = product
  const slices = slicesOf(contraction, limits)
  if (slices.count === 1) return [product]
  const size = sizeOf(contraction.batch) * contraction.m * contraction.n
  const partials = scratch({ dtype: 'f32', size: slices.count * size })
  const at = dense([size])
  return [
    { ...product, epilogue: undefined, out: partials, slices },
    {
      _tag: 'finish',
      fn: 'sum',
      dtype: 'f32',
      partials,
      chunks: slices.count,
      size,
      extents: [size],
      from: at,
      out,
      at,
      lanes: 1,
      epilogue
    }
  ]
}
