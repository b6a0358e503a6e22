/**
 * What the launches of a compiled program do: their kinds, the bytes that they touch, their arithmetic.
 *
 * Each launch is taken to move every element that it touches once, however often it reads it: what a cache as large as a launch needs
 * would leave of it. Elements have 4 bytes, a bool too, or 2 where they are stored as f16.
 */

import type { FusedLoop } from '../../src/tensor/program/fused.js'
import type { GpuKernel, GpuProduct } from '../../src/tensor/program/gpu/gpu-kernel.js'
import type { GpuLimits } from '../../src/tensor/program/gpu/gpu-limits.js'
import { chooseTile, slicesOf, type Tile } from '../../src/tensor/program/gpu/tiles.js'
import type { Affine, Contraction, StridedMatrix } from '../../src/tensor/program/kernel.js'
import type { Program } from '../../src/tensor/program/program.js'
import { compileForGpu, grouped } from '../../src/tensor/run/webgpu/compilation.js'
import { sizeOf, type Shape } from '../../src/tensor/shape.js'

/** Kernels that run at once: `products`, and what else has a place among them; `several` others. */
export type Kind = GpuKernel['_tag'] | 'products' | 'several'

export type Traffic = {
  readonly kind: Kind
  readonly bytes: number
  readonly flops: number
  readonly contraction?: Contraction
}

export type Counted = {
  readonly launches: ReadonlyArray<Traffic>
  /** What is in them, one by one. */
  readonly kernels: ReadonlyArray<Traffic>
  /** Bytes of temporaries, by liveness and in slots. */
  readonly temporaries: number
  /** The most buffers that a launch binds. */
  readonly bound: number
}

const elementsOf = (extents: Shape, { strides }: Pick<Affine, 'strides'>): number =>
  sizeOf(extents.filter((_, axis) => strides[axis] !== 0))

/** The elements of a buffer, and the bytes of each. */
type Stored = { readonly size: number; readonly bytes: number }

/** Bytes of what is touched of each buffer: by several accesses of one, what the largest touches. */
const loads = ({ extents, body }: Pick<FusedLoop, 'extents' | 'body'>, stored: ReadonlyArray<Stored>): number => {
  const touched = new Map<number, number>()
  for (const step of body) {
    if (step._tag !== 'load' && step._tag !== 'lookup') continue
    // A lookup touches a place for each point that looks up, of those that there are.
    const { size } = stored[step.buffer]
    const elements = Math.min(size, step._tag === 'load' ? elementsOf(extents, step.at) : sizeOf(extents))
    touched.set(step.buffer, Math.max(touched.get(step.buffer) ?? 0, elements))
  }
  return [...touched].reduce((sum, [buffer, elements]) => sum + stored[buffer].bytes * elements, 0)
}

const stores = ({ extents, stores: list }: FusedLoop, stored: ReadonlyArray<Stored>): number =>
  list.reduce((sum, { at, buffer }) => sum + stored[buffer].bytes * elementsOf(extents, at), 0)

const arithmetic = ({ extents, body }: Pick<FusedLoop, 'extents' | 'body'>): number =>
  sizeOf(extents) * body.filter(({ _tag }) => _tag === 'unary' || _tag === 'binary' || _tag === 'fold').length

const operand = (
  { batch }: Contraction,
  at: StridedMatrix,
  rows: number,
  columns: number,
  { size, bytes }: Stored
): number =>
  bytes * Math.min(size, elementsOf([...batch, rows, columns], { strides: [...at.batch, at.row, at.column] }))

/** What becomes of so many results, the first of them computed here. */
const ends = (
  { out, epilogue }: Pick<GpuProduct, 'out' | 'epilogue'>,
  size: number,
  buffers: ReadonlyArray<Stored>
): { readonly bytes: number; readonly flops: number } => {
  const own = buffers[out].bytes * size
  if (epilogue === undefined) return { bytes: own, flops: 0 }
  const { loop, keepsResult } = epilogue
  // Of the result what the epilogue loads is in a register.
  const body = loop.body.filter((step) => !('buffer' in step) || step.buffer !== out)
  return {
    bytes: (keepsResult ? own : 0) + loads({ extents: loop.extents, body }, buffers) + stores(loop, buffers),
    flops: arithmetic(loop)
  }
}

const product = (kernel: GpuProduct, buffers: ReadonlyArray<Stored>): Traffic => {
  const { contraction, left, right, slices } = kernel
  const { batch, m, n, k } = contraction
  const size = sizeOf(batch) * m * n
  const reads =
    operand(contraction, contraction.left, m, k, buffers[left]) +
    operand(contraction, contraction.right, k, n, buffers[right])
  const { bytes, flops } = ends(kernel, (slices?.count ?? 1) * size, buffers)
  return { kind: 'contraction', bytes: reads + bytes, flops: 2 * size * k + flops, contraction }
}

const trafficOf = (kernel: GpuKernel, buffers: ReadonlyArray<Stored>): Traffic => {
  const one = (bytes: number, flops: number): Traffic => ({ kind: kernel._tag, bytes, flops })
  switch (kernel._tag) {
    case 'map':
      return one(loads(kernel.loop, buffers) + stores(kernel.loop, buffers), arithmetic(kernel.loop))
    case 'row': {
      const partials = kernel.accumulations.reduce((sum, { size }) => sum + kernel.chunks * size, 0)
      return one(loads(kernel.loop, buffers) + stores(kernel.loop, buffers) + 4 * partials, arithmetic(kernel.loop))
    }
    case 'finish': {
      const { chunks, size } = kernel
      const { bytes, flops } = ends(kernel, size, buffers)
      return one(4 * chunks * size + bytes, chunks * size + flops)
    }
    case 'links':
      return one(16 * kernel.points, 0)
    case 'gatheredSums': {
      const points = sizeOf(kernel.extents.slice(0, kernel.pointAxes))
      // At most: only points that lead in their block have a sum.
      return one(12 * points + loads(kernel, buffers) + 4 * sizeOf(kernel.extents), sizeOf(kernel.extents))
    }
    case 'spread': {
      const all = kernel.points * sizeOf(kernel.extents)
      return one(16 * kernel.points + 8 * all, all)
    }
    case 'random':
      return one(4 * kernel.size, 0)
    case 'contraction':
      return product(kernel, buffers)
  }
}

/** What runs at once counts as one launch. */
const together = (traffic: ReadonlyArray<Traffic>): Traffic =>
  traffic.length === 1
    ? traffic[0]
    : {
        kind: traffic.some(({ kind }) => kind === 'contraction') ? 'products' : 'several',
        bytes: traffic.reduce((sum, { bytes }) => sum + bytes, 0),
        flops: traffic.reduce((sum, { flops }) => sum + flops, 0)
      }

/** A program as the device compiles it, counted. */
export const countsOf = (program: Program, limits: GpuLimits): Counted => {
  const { kernels, halves, launches, placement } = compileForGpu(program, limits, undefined)
  const { lowered, groups } = grouped(kernels, limits, undefined)
  const buffers = lowered.buffers.map(({ size }, buffer) => ({ size, bytes: halves.has(buffer) ? 2 : 4 }))
  const counted = groups.map((group) => group.map(({ kernel }) => trafficOf(kernel, buffers)))
  if (counted.length !== launches.length)
    throw new Error(`${counted.length} launches were counted of ${launches.length}`)
  return {
    launches: counted.map(together),
    kernels: counted.flat(),
    temporaries: placement.slots.reduce((sum, bytes) => sum + bytes, 0),
    bound: Math.max(...launches.map(({ buffers: bound }) => bound.length))
  }
}

export type Tiling = { readonly tile: Tile; readonly slices: number; readonly workgroups: number }

export const tilingOf = (contraction: Contraction, { products }: GpuLimits): Tiling => {
  const tile = chooseTile(contraction, products)
  const { count } = slicesOf(contraction, products)
  const { batch, m, n } = contraction
  return {
    tile,
    slices: count,
    workgroups: sizeOf(batch) * count * Math.ceil(m / tile.rows) * Math.ceil(n / tile.columns)
  }
}
