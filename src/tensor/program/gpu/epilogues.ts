/**
 * Maps that begin with a product's result, carried out where it is computed: what is in a register is not written and read again.
 */

import { sizeOf } from '../../shape.js'
import { isDense } from '../views.js'
import { depend, usesOf, type GpuKernel, type GpuProduct, type MapKernel } from './gpu-kernel.js'

/** Whether a map takes each element of a buffer once, in order. */
const walks = ({ loop: { extents, body } }: MapKernel, buffer: number, size: number): boolean =>
  sizeOf(extents) === size &&
  body.every(
    (step) => !('buffer' in step) || step.buffer !== buffer || (step._tag === 'load' && isDense(extents, step.at))
  )

/** How far after a product its first reader is looked for. */
const farthest = 64

/**
 * Joins products with the first that read them, where these are maps over the whole of the result. `fits` says whether a kernel binds no more
 * than may be bound, `isRead` whether a buffer is read beside the kernels, as outputs are; `takes` whether whoever multiplies takes an
 * epilogue for a product.
 */
export const withEpilogues = (
  kernels: ReadonlyArray<GpuKernel>,
  fits: (kernel: GpuProduct) => boolean,
  isRead: (buffer: number) => boolean,
  takes: (product: GpuProduct) => boolean
): ReadonlyArray<{ readonly kernel: GpuKernel; readonly of: ReadonlyArray<number> }> => {
  const uses = kernels.map(usesOf)
  const readers = new Map<number, Array<number>>()
  uses.forEach(({ reads }, k) => reads.forEach((buffer) => readers.set(buffer, [...(readers.get(buffer) ?? []), k])))
  const gone = new Set<number>()
  const made = new Map<number, { readonly kernel: GpuKernel; readonly of: ReadonlyArray<number> }>()
  kernels.forEach((product, k) => {
    if (product._tag !== 'contraction' || !takes(product)) return
    const { out, contraction } = product
    const all = readers.get(out) ?? []
    const [first] = all
    if (first === undefined || first > k + farthest || made.has(first)) return
    const map = kernels[first]
    if (map._tag !== 'map' || !walks(map, out, sizeOf(contraction.batch) * contraction.m * contraction.n)) return
    const between = uses.slice(k + 1, first).filter((_, i) => !gone.has(k + 1 + i))
    if (between.some((other) => depend(uses[k], other))) return
    const kernel: GpuProduct = {
      ...product,
      epilogue: { loop: map.loop, keepsResult: isRead(out) || all.length > 1 }
    }
    if (!fits(kernel)) return
    gone.add(k)
    made.set(first, { kernel, of: [k, first] })
  })
  return kernels.flatMap((kernel, k) => (gone.has(k) ? [] : [made.get(k) ?? { kernel, of: [k] }]))
}
