/**
 * A program as a GPU runs it: launches over buffers, and where the temporaries lie. Plain data.
 */

import * as E from 'fp-ts/lib/Either.js'
import { epilogueOf } from '../../emit/wgsl/epilogue.js'
import { jointDispatch } from '../../emit/wgsl/kernels.js'
import { tiledProduct, type ProductBuffers } from '../../emit/wgsl/product.js'
import { fuse } from '../../program/fuse.js'
import type { FusedProgram } from '../../program/fused.js'
import { withSumsApart } from '../../program/gpu/column-sums.js'
import type { Dispatch, Dispatches } from '../../program/gpu/dispatch.js'
import { withEpilogues } from '../../program/gpu/epilogues.js'
import type { GpuLimits } from '../../program/gpu/gpu-limits.js'
import { joint } from '../../program/gpu/joint.js'
import { lowerToGpu, type GpuProgram } from '../../program/gpu/lower.js'
import type { GpuKernel, GpuProduct } from '../../program/gpu/gpu-kernel.js'
import { chooseTile, type Tile } from '../../program/gpu/tiles.js'
import { placed, type Placement } from '../../program/gpu/placement.js'
import { halvesOf, noHalves, type Storage } from '../../program/gpu/storages.js'
import type { Contraction, Product } from '../../program/kernel.js'
import type { Program } from '../../program/program.js'
import { schedule } from '../../program/schedule.js'
import type { GpuJsProducts } from './gpujs-products.js'
import { bytesOf } from './storage.js'

/** A product whose tile can be another. */
export type Tiled = { readonly contraction: Contraction; readonly buffers: ProductBuffers }

/** A shader of ours, or a kernel that gpu.js makes of a contraction: left, right, out. */
export type Work =
  | ({ readonly _tag: 'dispatch'; readonly tiled?: Tiled } & Dispatch)
  | { readonly _tag: 'gpu.js'; readonly contraction: Contraction }

/** One dispatch, as a part of fused kernel `origin`, and of others where several run at once. */
export type Launch = { readonly work: Work; readonly buffers: ReadonlyArray<number>; readonly origin: number }

export type GpuCompilation = {
  readonly kernels: FusedProgram
  /** The buffers that are stored as f16. */
  readonly halves: ReadonlySet<number>
  /** Bytes of each buffer: inputs, outputs, temporaries. */
  readonly bytes: ReadonlyArray<number>
  readonly launches: ReadonlyArray<Launch>
  readonly placement: Placement
  /** Outputs that some launch reads, numbered as buffers. */
  readonly rereads: ReadonlySet<number>
}

const readsOfLaunch = ({ work, buffers }: Launch): ReadonlyArray<number> => {
  switch (work._tag) {
    case 'dispatch':
      return buffers.filter((_, binding) => work.shader.access[binding] === 'read')
    case 'gpu.js':
      return buffers.slice(0, 2)
  }
}

/** Whether gpu.js multiplies: wherever it is asked to, and can express the contraction. */
export const takesGpuJs = (gpuJs: Pick<GpuJsProducts, 'expresses'> | undefined, contraction: Contraction): boolean =>
  gpuJs !== undefined && E.isRight(gpuJs.expresses(contraction))

const tiledOf = (
  { left, right, out, contraction, epilogue }: GpuProduct,
  firstScratch: number,
  { buffers }: GpuProgram,
  halves: ReadonlySet<number>
): Tiled => {
  const size = (buffer: number): number => buffers[buffer].size
  const storage = (buffer: number): Storage => (halves.has(buffer) ? 'f16' : 'f32')
  return {
    contraction,
    buffers: {
      left,
      right,
      out,
      firstScratch,
      sizes: { left: size(left), right: size(right), out: size(out) },
      storages: { left: storage(left), right: storage(right), out: storage(out) },
      epilogue: epilogue && epilogueOf(epilogue.loop, out, epilogue.keepsResult, halves)
    }
  }
}

/** The dispatches of a product: the first computes tiles, a second adds up slices. */
export const multiplied = (
  { contraction, buffers }: Tiled,
  { products }: GpuLimits,
  tile: Tile = chooseTile(contraction, products)
): Dispatches => tiledProduct(contraction, tile, buffers, products)

/** A kernel, as a part of fused kernel `origin`. */
export type Placed = { readonly kernel: GpuKernel; readonly origin: number }

/** A fused program as launches, each of one kernel or of several that run at once. */
export type Grouped = { readonly lowered: GpuProgram; readonly groups: ReadonlyArray<ReadonlyArray<Placed>> }

/** Products take what follows them, where our own shaders multiply; then what does not depend on one another is put together. */
export const grouped = (
  kernels: FusedProgram,
  limits: GpuLimits,
  gpuJs: Pick<GpuJsProducts, 'expresses'> | undefined
): Grouped => {
  const lowered = lowerToGpu(kernels, limits)
  const fixed = kernels.inputs + kernels.outputs
  const fused = withEpilogues(
    lowered.kernels.map(({ kernel }) => kernel),
    limits.loops.kernelBuffers,
    (buffer) => buffer < fixed,
    ({ contraction }) => !takesGpuJs(gpuJs, contraction)
  ).map(({ kernel, of: [first] }) => ({ kernel, origin: lowered.kernels[first].origin }))
  const ordered = joint(
    fused.map(({ kernel }) => kernel),
    limits
  )
  return { lowered, groups: ordered.map((group) => group.map((k) => fused[k])) }
}

/** What is put together, and what is put apart again for the sake of products. */
export const fusedForGpu = (
  program: Program,
  { loops }: GpuLimits,
  gpuJs: Pick<GpuJsProducts, 'expresses'> | undefined
): FusedProgram => {
  const fused = fuse(schedule(program, loops), loops)
  const fixed = fused.inputs + fused.outputs
  const takes = ({ contraction }: Product): boolean => !takesGpuJs(gpuJs, contraction)
  return { ...fused, kernels: withSumsApart(fused.kernels, fused.buffers, fixed, loops.kernelBuffers, takes) }
}

export const compileForGpu = (
  program: Program,
  limits: GpuLimits,
  gpuJs: Pick<GpuJsProducts, 'expresses'> | undefined
): GpuCompilation => {
  const kernels = fusedForGpu(program, limits, gpuJs)
  const { lowered, groups } = grouped(kernels, limits, gpuJs)
  const halves = limits.products.precision === 'mixed' ? halvesOf(kernels) : noHalves
  const bytes = lowered.buffers.map(({ size }, buffer) => bytesOf(size, halves.has(buffer)))
  const fixed = kernels.inputs + kernels.outputs
  const launches = groups.flatMap((group): ReadonlyArray<Launch> => {
    const [{ kernel, origin }] = group
    if (kernel._tag === 'contraction' && takesGpuJs(gpuJs, kernel.contraction)) {
      const { left, right, out, contraction } = kernel
      return [{ work: { _tag: 'gpu.js', contraction }, buffers: [left, right, out], origin }]
    }
    const tiled = kernel._tag === 'contraction' ? tiledOf(kernel, bytes.length, lowered, halves) : undefined
    const { list, scratch } =
      tiled === undefined
        ? {
            list: [
              jointDispatch(
                group.map((part) => part.kernel),
                limits,
                halves
              )
            ],
            scratch: []
          }
        : multiplied(tiled, limits)
    bytes.push(...scratch.map((size) => bytesOf(size)))
    return list.map((dispatch, part) => ({
      work: { _tag: 'dispatch', ...dispatch, tiled: part === 0 ? tiled : undefined },
      buffers: dispatch.buffers,
      origin
    }))
  })
  const reads = launches.flatMap(readsOfLaunch)
  return {
    kernels,
    halves,
    bytes,
    launches,
    placement: placed(bytes, fixed, launches),
    rereads: new Set(reads.filter((buffer) => buffer >= kernels.inputs && buffer < fixed))
  }
}
