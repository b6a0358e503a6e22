/**
 * Sums across rows of what is made of a product's result, as loops of their own where the rest can then be done where the product has its
 * result: what would be written and read again is read once.
 */

import { sizeOf } from '../../shape.js'
import { pruned } from '../fuse/group.js'
import { readsOfFused, writesOfFused, type FusedKernel, type FusedLoop, type FusedStep, type Store } from '../fused.js'
import type { BufferSpec, Product } from '../kernel.js'
import { isDense } from '../views.js'
import { reordered } from './nests.js'

const storing = (loop: FusedLoop, stores: ReadonlyArray<Store>): FusedLoop => pruned({ ...loop, stores })

/** The same points in the order of an access. */
const inOrderOf = (loop: FusedLoop, strides: ReadonlyArray<number>): FusedLoop =>
  reordered(
    loop,
    loop.extents.map((_, axis) => axis).sort((a, b) => strides[b] - strides[a])
  )

/** What a loop stores of each element, as a map in the order of the product's result; `undefined` where it is none. */
const mapOver = (loop: FusedLoop, { out }: Product, size: number): FusedLoop | undefined => {
  const stores = loop.stores.filter(({ combine }) => combine === undefined)
  const loads = loop.body.filter((step) => step._tag === 'load' && step.buffer === out)
  if (stores.length === 0 || stores.length === loop.stores.length || loads.length !== 1) return undefined
  const [{ strides }] = loads.flatMap((step) => ('at' in step ? [step.at] : []))
  const map = inOrderOf(storing(loop, stores), strides)
  const isWhole = map.body.every(
    (step) => !('buffer' in step) || step.buffer !== out || (step._tag === 'load' && isDense(map.extents, step.at))
  )
  return isWhole && sizeOf(map.extents) === size && !map.body.some(({ _tag }) => _tag === 'fold') ? map : undefined
}

/** What a loop combines, from what else it has stored. */
const sumsOf = (loop: FusedLoop): FusedLoop => {
  const stored = new Map<number, FusedStep>()
  loop.stores.forEach(({ buffer, at, value, combine }) => {
    const { dtype } = loop.body[value]
    if (combine === undefined) stored.set(value, { _tag: 'load', dtype, buffer, at })
  })
  const body = loop.body.map((step, i) => stored.get(i) ?? step)
  return storing(
    { ...loop, body },
    loop.stores.filter(({ combine }) => combine !== undefined)
  )
}

/** How far after a product its first reader may be. */
const farthest = 48

/** `takes` says whether whoever multiplies takes an epilogue for a product. */
export const withSumsApart = (
  kernels: ReadonlyArray<FusedKernel>,
  buffers: ReadonlyArray<BufferSpec>,
  fixed: number,
  kernelBuffers: number,
  takes: (product: Product) => boolean
): ReadonlyArray<FusedKernel> => {
  const readers = new Map<number, number>()
  const products = new Map<number, { readonly product: Product; readonly at: number }>()
  kernels.forEach((kernel, at) => {
    readsOfFused(kernel).forEach((buffer) => readers.set(buffer, (readers.get(buffer) ?? 0) + 1))
    if (kernel._tag === 'contraction' && kernel.out >= fixed && takes(kernel))
      products.set(kernel.out, { product: kernel, at })
  })

  const cut = (loop: FusedLoop, at: number): ReadonlyArray<FusedLoop> | undefined => {
    if (loop.stores.some(({ scatter }) => scatter !== undefined)) return undefined
    for (const buffer of readsOfFused(loop)) {
      const found = products.get(buffer)
      if (found === undefined || at - found.at > farthest || readers.get(buffer) !== 1) continue
      const { size } = buffers[buffer]
      const map = mapOver(loop, found.product, size)
      if (map === undefined) continue
      const others = readsOfFused(map).filter((other) => other !== buffer)
      const bound = new Set([...others, found.product.left, found.product.right, ...writesOfFused(map)]).size
      const sums = sumsOf(loop)
      const again = readsOfFused(sums).reduce((sum, other) => sum + buffers[other].size, 0)
      if (bound <= kernelBuffers && !readsOfFused(sums).includes(buffer) && again < 2 * size) return [map, sums]
    }
    return undefined
  }
  return kernels.flatMap(
    (kernel, at): ReadonlyArray<FusedKernel> => (kernel._tag === 'loop' ? cut(kernel, at) : undefined) ?? [kernel]
  )
}
