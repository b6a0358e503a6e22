/**
 * Kernels of a GPU as shaders: a row for each kind.
 */

import type { Dispatch } from '../../program/gpu/dispatch.js'
import type { GpuKernel, GpuProduct } from '../../program/gpu/gpu-kernel.js'
import type { GpuLimits } from '../../program/gpu/gpu-limits.js'
import { noHalves } from '../../program/gpu/storages.js'
import { chooseTiles, threadsOf, type Tile } from '../../program/gpu/tiles.js'
import { sizeOf } from '../../shape.js'
import { finishPart } from './finish.js'
import { mapPart } from './map.js'
import { productPart } from './product.js'
import { randomPart } from './random.js'
import { rowPart } from './row.js'
import { gatheredSumsPart, linksPart, spreadPart } from './scatter.js'
import { bindingKey, dispatchOf, type ShaderPart } from './shader.js'

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

type Limits = Pick<GpuLimits, 'workgroup' | 'products'>

export const productsIn = (kernels: ReadonlyArray<GpuKernel>): ReadonlyArray<GpuProduct> =>
  kernels.flatMap((kernel) => (kernel._tag === 'contraction' ? [kernel] : []))

/**
 * Kernels that run at once, as one dispatch; of their buffers `halves` are stored as f16. `tiles` are those of its products, all of one
 * number of threads.
 */
export const jointDispatch = (
  kernels: ReadonlyArray<GpuKernel>,
  { workgroup, products }: Limits,
  halves: ReadonlySet<number> = noHalves,
  tiles: ReadonlyArray<Tile> = chooseTiles(
    productsIn(kernels).map(({ contraction }) => contraction),
    products
  )
): Dispatch => {
  const threads = tiles.length === 0 ? workgroup : threadsOf(tiles[0])
  const left = [...tiles]
  const parts = kernels.map((kernel) => {
    if (kernel._tag !== 'contraction') return partOf(kernel, threads)
    const tile = left.shift()
    if (tile === undefined) throw new Error('wgsl: a product without a tile')
    return productPart(kernel, tile, products.precision, halves)
  })
  return dispatchOf(parts, products.maxComputeWorkgroupsPerDimension, halves)
}

/** What a kernel binds: kernels in one launch bind what has one key together. How wide buffers are stored changes no number of keys. */
export const bindingKeys = (kernel: GpuKernel, { workgroup, products }: Limits): ReadonlySet<string> => {
  const { wanted } =
    kernel._tag === 'contraction'
      ? productPart(kernel, chooseTiles([kernel.contraction], products)[0], products.precision, noHalves)
      : partOf(kernel, workgroup)
  return new Set(wanted.map((binding) => bindingKey(binding, noHalves)))
}
