/**
 * The ways to compute a product on one device: each of our tiles, and gpu.js's kernels.
 */

import { pipe } from 'fp-ts/lib/function.js'
import * as E from 'fp-ts/lib/Either.js'
import { jointDispatch } from '../../src/tensor/emit/wgsl/kernels.js'
import { sliced } from '../../src/tensor/program/gpu/slices.js'
import { fits, gpuTiles, matrixTile, softwareTiles } from '../../src/tensor/program/gpu/tiles.js'
import type { ProductLimits, Tile } from '../../src/tensor/program/gpu/tiles.js'
import type { Storage } from '../../src/tensor/program/gpu/storages.js'
import type { Contraction } from '../../src/tensor/program/kernel.js'
import { showDeviceError } from '../../src/tensor/index.js'
import { gpuJsProducts, type GpuJsProducts } from '../../src/tensor/run/webgpu/gpujs-products.js'
import type { Gpu } from '../../src/tensor/run/webgpu/gpu.js'
import { orThrow } from './programs.js'

export type Operands = {
  readonly left: GPUBuffer
  readonly right: GPUBuffer
  readonly out: GPUBuffer
  readonly sizes: { readonly left: number; readonly right: number; readonly out: number }
}

export type Prepared = {
  readonly encode: (pass: GPUComputePassEncoder) => void
  readonly release: () => void
}

export type Way = {
  readonly name: string
  /** How operands are stored. */
  readonly storage: Storage
  /** Fails where this way cannot compute it. */
  readonly prepare: (contraction: Contraction, operands: Operands) => Promise<Prepared>
}

export const tileName = (
  { via, rows, columns, depth, threadRows, threadColumns, prefetch }: Tile,
  storage: Storage = 'f32'
): string =>
  `${via} ${rows}x${columns}x${depth} / ${threadRows}x${threadColumns}${prefetch ? ' ahead' : ''}${storage === 'f16' ? ' f16' : ''}`

/** Storage for so many elements of 4 bytes. */
export const storageFor = (device: GPUDevice, elements: number): GPUBuffer =>
  // GPUBufferUsage: storage, copySrc, copyDst.
  device.createBuffer({ size: Math.ceil(elements / 64) * 256, usage: 128 | 4 | 8 })

type Stage = {
  readonly pipeline: GPUComputePipeline
  readonly group: GPUBindGroup
  readonly workgroups: readonly [number, number, number]
}

const encoding =
  (stages: ReadonlyArray<Stage>): Prepared['encode'] =>
  (pass) =>
    stages.forEach(({ pipeline, group, workgroups }) => {
      pass.setPipeline(pipeline)
      pass.setBindGroup(0, group)
      pass.dispatchWorkgroups(...workgroups)
    })

/** Threads of a workgroup that adds up slices. */
const finishThreads = 128

const tiled = (device: GPUDevice, limits: ProductLimits, storage: Storage, tile: Tile): Way => ({
  name: tileName(tile, storage),
  storage,
  prepare: async (contraction, { left, right, out }) => {
    const extra: Array<GPUBuffer> = []
    const scratch = ({ size }: { readonly size: number }): number => 2 + extra.push(storageFor(device, size))
    const kernels = sliced({ _tag: 'contraction', contraction, left: 0, right: 1, out: 2 }, limits, { scratch })
    const list = kernels.map((kernel) =>
      jointDispatch(
        [kernel],
        {
          workgroup: finishThreads,
          products: { ...limits, precision: storage === 'f16' ? 'mixed' : 'float32' }
        },
        new Set(storage === 'f16' ? [0, 1] : []),
        kernel._tag === 'contraction' ? [tile] : []
      )
    )
    const buffers = [left, right, out, ...extra]
    const stages: Array<Stage> = []
    for (const { shader, buffers: bound, workgroups } of list) {
      const pipeline = await device.createComputePipelineAsync({
        layout: 'auto',
        compute: { module: device.createShaderModule({ code: shader.code }), entryPoint: 'main' }
      })
      const group = device.createBindGroup({
        layout: pipeline.getBindGroupLayout(0),
        entries: bound.map((number, binding) => ({ binding, resource: { buffer: buffers[number] } }))
      })
      stages.push({ pipeline, group, workgroups })
    }
    return { encode: encoding(stages), release: () => extra.forEach((buffer) => buffer.destroy()) }
  }
})

const byGpuJs = (device: GPUDevice, products: GpuJsProducts, results: 1 | 4): Way => ({
  name: results === 1 ? 'gpu.js' : 'gpu.js, four results',
  storage: 'f32',
  prepare: async (contraction, { left, right, out }) => {
    const { pipeline, bindGroupLayout, bindings, uniform, workgroups } = pipe(
      await products.prepare(contraction, results)(),
      orThrow(showDeviceError)
    )
    const entry = (
      buffer: GPUBuffer,
      { binding, offset = 0, size }: { readonly binding: number; readonly offset?: number; readonly size: number }
    ): GPUBindGroupEntry => ({ binding, resource: { buffer, offset, size } })
    const group = device.createBindGroup({
      layout: bindGroupLayout,
      entries: [
        { binding: bindings.uniform, resource: { buffer: uniform } },
        entry(left, bindings.left),
        entry(right, bindings.right),
        entry(out, bindings.out)
      ]
    })
    return { encode: encoding([{ pipeline, group, workgroups }]), release: () => undefined }
  }
})

export type Ways = {
  readonly list: ReadonlyArray<Way>
  /** Why gpu.js is not among them. */
  readonly missing: ReadonlyArray<string>
  readonly release: () => Promise<void>
}

/** Those that this adapter can run; `half` adds tiles with operands in f16 where it has that. */
export const waysOn = async (gpu: Gpu, limits: ProductLimits, half: boolean): Promise<Ways> => {
  const { device } = gpu
  const some = limits.isSoftware
    ? [...softwareTiles, ...gpuTiles.slice(-1)]
    : [...gpuTiles, ...softwareTiles.slice(0, 1)]
  const halves = half && device.features.has('shader-f16') ? [...some, ...(limits.matrices ? [matrixTile] : [])] : []
  const waysOf = (list: ReadonlyArray<Tile>, storage: Storage): ReadonlyArray<Way> =>
    list.filter((tile) => fits(tile, limits)).map((tile) => tiled(device, limits, storage, tile))
  const tiles = [...waysOf(some, 'f32'), ...waysOf(halves, 'f16')]
  const opened = await gpuJsProducts(gpu)()
  if (E.isLeft(opened))
    return { list: tiles, missing: [showDeviceError(opened.left)], release: () => Promise.resolve() }
  const products = opened.right
  return {
    list: [...tiles, byGpuJs(device, products, 1), byGpuJs(device, products, 4)],
    missing: [],
    release: () => products.release()
  }
}
