/**
 * Products and the loops that read them, a panel at a time: what is done with a product is done while it is in a cache.
 *
 * A product whose result is next read by a loop, row after row, is cut: some of its rows, then the loop over them, then the
 * next. So a bias, an activation, a residual or a layer norm rides with the product that it is for, and the score matrices
 * of attention never leave the cache. Where nobody else reads the result, only one panel of it exists.
 *
 * A batched product is cut along its batch. One without a batch is cut along its rows where its multiplier allows.
 */

import { sizeOf } from '../shape.js'
import type { DeviceLimits, PanelLimits } from './device-limits.js'
import { mapAccesses, readsOfFused, type FusedKernel, type FusedLoop, type FusedProgram, type Panels } from './fused.js'
import type { Contraction, Product } from './kernel.js'
import { listed } from './listed.js'
import { splitAffine, splitExtents } from './views.js'

/** How far apart product and loop may stand: nothing between them is moved, but what the product reads is kept longer. */
const farthest = 8

/** The loop with its only axis seen as two. */
const cut = (loop: FusedLoop, factor: number): FusedLoop => {
  const split = { axis: 0, factor }
  return { ...mapAccesses(loop, (at) => splitAffine(at, split)), extents: splitExtents(loop.extents, split) }
}

/** A loop of one axis that goes through a product's result has its rows cut to matrices. */
const withRows = (loop: FusedLoop, matrix: number): FusedLoop | undefined => {
  if (loop.extents.length > 1) return loop
  const isFlat = loop.body.every((step) => step._tag !== 'fold') && loop.stores.every(({ at }) => at.strides[0] !== 0)
  return isFlat && loop.extents[0] > matrix && loop.extents[0] % matrix === 0 ? cut(loop, matrix) : undefined
}

/** How many elements of the product's result the loop goes on by from one step of its first axis to the next. */
const strideOver = (loop: FusedLoop, buffer: number): number | undefined => {
  const strides = new Set<number>()
  for (const step of loop.body) {
    if (!('buffer' in step) || step.buffer !== buffer) continue
    const { offset, strides: s } = step.at
    const reach = s.slice(1).reduce((sum, stride, axis) => sum + stride * (loop.extents[axis + 1] - 1), offset)
    if (step._tag === 'lookup' || reach >= s[0]) return undefined
    strides.add(s[0])
  }
  return strides.size === 1 ? [...strides][0] : undefined
}

const panelsOf = (
  product: Product,
  next: FusedLoop,
  isLocal: boolean,
  { leastResult }: PanelLimits
): Panels | undefined => {
  const { batch, m, n } = product.contraction
  const matrix = m * n
  const batches = sizeOf(batch)
  if (batches < 2 || batches * matrix < leastResult) return undefined
  const loop = withRows(next, matrix)
  const stride = loop && strideOver(loop, product.out)
  if (loop === undefined || stride === undefined || loop.extents[0] * stride !== batches * matrix) return undefined
  // The smaller of a matrix and a step of the loop must divide the other.
  const [small, large] = stride < matrix ? [stride, matrix] : [matrix, stride]
  return large % small === 0 && large < batches * matrix
    ? { _tag: 'panels', product, loop, rows: large / stride, batches: large / matrix, isLocal }
    : undefined
}

/** Rows of the panels that a product of `m` by `n` is cut to: as many as may be. */
const panelRows = (m: number, n: number, { largestPanel, fewestRows }: PanelLimits): number | undefined => {
  const most = Math.min(Math.floor(largestPanel / n), Math.floor(m / 2))
  for (let rows = most; rows >= fewestRows; rows--) if (m % rows === 0) return rows
  return undefined
}

/** A product as a batch of its panels. */
const inRows = (product: Product, limits: PanelLimits): Product => {
  const { contraction } = product
  const { batch, m, n, left, right } = contraction
  const rows = batch.length === 0 ? panelRows(m, n, limits) : undefined
  if (rows === undefined) return product
  return {
    ...product,
    contraction: {
      ...contraction,
      batch: [m / rows],
      m: rows,
      left: { ...left, batch: [rows * left.row] },
      right: { ...right, batch: [0] }
    }
  }
}

/**
 * `cutsRows` says whether a product without a batch may be cut: its multiplier must not pack the right operand anew for each panel.
 * (OpenBLAS does, and a step of ELECTRA-Small in such panels took 2 to 7 % longer.)
 */
export const panelled = (
  program: FusedProgram,
  { panels: limits }: DeviceLimits,
  cutsRows: (contraction: Contraction) => boolean
): FusedProgram => {
  if (limits === undefined) return program
  const isTemporary = (buffer: number): boolean => buffer >= program.inputs + program.outputs
  const readers = new Map<number, Array<number>>()
  program.kernels.forEach((kernel, k) => readsOfFused(kernel).forEach((buffer) => listed(readers, buffer).push(k)))
  const sizes = program.buffers.map(({ size }) => size)
  const kernels: Array<FusedKernel | undefined> = [...program.kernels]
  program.kernels.forEach((kernel, k) => {
    if (kernel._tag !== 'contraction' || !isTemporary(kernel.out)) return
    const [first, ...others] = readers.get(kernel.out) ?? []
    const next = first === undefined || first - k > farthest ? undefined : kernels[first]
    const product = cutsRows(kernel.contraction) ? inRows(kernel, limits) : kernel
    const panels = next?._tag === 'loop' ? panelsOf(product, next, others.length === 0, limits) : undefined
    if (panels === undefined) return
    kernels[k] = undefined
    kernels[first] = panels
    const { m, n } = product.contraction
    if (panels.isLocal) sizes[kernel.out] = panels.batches * m * n
  })
  return {
    ...program,
    buffers: program.buffers.map((buffer, i) => ({ ...buffer, size: sizes[i] })),
    kernels: kernels.filter((kernel) => kernel !== undefined)
  }
}
