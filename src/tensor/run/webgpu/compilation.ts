/**
 * A program as a GPU runs it: launches over buffers, and where the temporaries lie. Plain data.
 */

import * as E from 'fp-ts/lib/Either.js'
import { bindingKeys, jointDispatch } from '../../emit/wgsl/kernels.js'
import { fuse } from '../../program/fuse.js'
import type { FusedProgram } from '../../program/fused.js'
import { withSumsApart } from '../../program/gpu/column-sums.js'
import type { Dispatch } from '../../program/gpu/dispatch.js'
import { withEpilogues } from '../../program/gpu/epilogues.js'
import type { GpuLimits } from '../../program/gpu/gpu-limits.js'
import { joint } from '../../program/gpu/joint.js'
import { lowerToGpu, type GpuProgram } from '../../program/gpu/lower.js'
import type { GpuKernel } from '../../program/gpu/gpu-kernel.js'
import { sliced } from '../../program/gpu/slices.js'
import { placed, type Placement } from '../../program/gpu/placement.js'
import { halvesOf, noHalves } from '../../program/gpu/storages.js'
import type { BufferSpec, Contraction, Product } from '../../program/kernel.js'
import type { Program } from '../../program/program.js'
import { schedule } from '../../program/schedule.js'
import type { GpuJsProducts } from './gpujs-products.js'
import { bytesOf } from './storage.js'

/** A shader of ours for some kernels, or a kernel that gpu.js makes of a contraction: left, right, out. */
export type Work =
  | ({ readonly _tag: 'dispatch'; readonly kernels: ReadonlyArray<GpuKernel> } & Dispatch)
  | { readonly _tag: 'gpu.js'; readonly contraction: Contraction }

/** One dispatch. `origins` are the fused kernels that it is a part of, one for each of its kernels. */
export type Launch = {
  readonly work: Work
  readonly buffers: ReadonlyArray<number>
  readonly origins: ReadonlyArray<number>
}

/** A launch as one for each of its kernels. They use what it uses, so they can run where it runs. */
export const apart = (launch: Launch, limits: GpuLimits, halves: ReadonlySet<number>): ReadonlyArray<Launch> => {
  const { work, origins } = launch
  if (work._tag === 'gpu.js' || work.kernels.length === 1) return [launch]
  return work.kernels.map((kernel, i) => {
    const dispatch = jointDispatch([kernel], limits, halves)
    return {
      work: { _tag: 'dispatch', kernels: [kernel], ...dispatch },
      buffers: dispatch.buffers,
      origins: [origins[i]]
    }
  })
}

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

/** A kernel, as a part of fused kernel `origin`. */
export type Placed = { readonly kernel: GpuKernel; readonly origin: number }

/** A fused program as launches, each of one kernel or of several that run at once. */
export type Grouped = { readonly lowered: GpuProgram; readonly groups: ReadonlyArray<ReadonlyArray<Placed>> }

/**
 * Products take what follows them, where our own shaders multiply; sums that are cut are finished by kernels of their own; then what does
 * not depend on one another is put together.
 */
export const grouped = (
  kernels: FusedProgram,
  limits: GpuLimits,
  gpuJs: Pick<GpuJsProducts, 'expresses'> | undefined
): Grouped => {
  const lowered = lowerToGpu(kernels, limits)
  const fixed = kernels.inputs + kernels.outputs
  const buffers: Array<BufferSpec> = [...lowered.buffers]
  const scratch = (spec: BufferSpec): number => buffers.push(spec) - 1
  const all = withEpilogues(
    lowered.kernels.map(({ kernel }) => kernel),
    (kernel) => bindingKeys(kernel, limits).size <= limits.loops.kernelBuffers,
    (buffer) => buffer < fixed,
    ({ contraction }) => !takesGpuJs(gpuJs, contraction)
  ).flatMap(({ kernel, of: [first] }): ReadonlyArray<Placed> => {
    const { origin } = lowered.kernels[first]
    const isOurs = kernel._tag === 'contraction' && !takesGpuJs(gpuJs, kernel.contraction)
    return (isOurs ? sliced(kernel, limits.products, { scratch }) : [kernel]).map((part) => ({ kernel: part, origin }))
  })
  const ordered = joint(
    all.map(({ kernel }) => kernel),
    limits,
    (kernel) => bindingKeys(kernel, limits),
    ({ contraction }) => !takesGpuJs(gpuJs, contraction)
  )
  return { lowered: { ...lowered, buffers }, groups: ordered.map((group) => group.map((k) => all[k])) }
}

const launchOf = (
  group: ReadonlyArray<Placed>,
  limits: GpuLimits,
  gpuJs: Pick<GpuJsProducts, 'expresses'> | undefined,
  halves: ReadonlySet<number>
): Launch => {
  const origins = group.map(({ origin }) => origin)
  const [{ kernel }] = group
  if (kernel._tag === 'contraction' && takesGpuJs(gpuJs, kernel.contraction)) {
    const { left, right, out, contraction } = kernel
    return { work: { _tag: 'gpu.js', contraction }, buffers: [left, right, out], origins }
  }
  const kernels = group.map((part) => part.kernel)
  const dispatch = jointDispatch(kernels, limits, halves)
  return { work: { _tag: 'dispatch', kernels, ...dispatch }, buffers: dispatch.buffers, origins }
}

/** What is put together, and what is put apart again for the sake of products. */
const fusedForGpu = (
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
  const launches = groups.map((group) => launchOf(group, limits, gpuJs, halves))
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
