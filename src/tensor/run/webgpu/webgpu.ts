/**
 * The `webgpu` device: fused kernels as WGSL, in one queue, over buffers that stay on the GPU.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type { Task } from 'fp-ts/lib/Task.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { inOrder } from '../../in-order.js'
import type { Precision } from '../../program/gpu/storages.js'
import { gpuLimits, type GpuLimits } from '../../program/gpu/gpu-limits.js'
import { showDeviceError, type Device, type DeviceError } from '../device.js'
import { showAdapter } from '../multipliers/webgpu-adapter.js'
import { apart, compileForGpu, takesGpuJs, type GpuCompilation, type Launch } from './compilation.js'
import type { Context } from './context.js'
import { allocateBlockOn, allocateOn, readOn, returningTo, writeOn } from './device-buffers.js'
import { runOn, type Launches, type Loaded } from './execution.js'
import { openGpu, type Gpu, type GpuOptions } from './gpu.js'
import { gpuJsProducts, type GpuJsProducts } from './gpujs-products.js'
import { hasMatrices } from './matrices.js'
import { pipelinesOn } from './pipelines.js'
import { raced, type Races } from './race.js'
import { readied, type Ready } from './ready.js'
import { storageOn } from './storage.js'
import { usage } from './usage.js'

export type WebGpuOptions = Omit<GpuOptions, 'experiments'> & {
  /** Who multiplies matrices: shaders of the device's own, or gpu.js's kernels wherever it can express a contraction. */
  readonly products?: 'own' | 'gpu.js'
  /**
   * `float32`, which is the default, or `mixed`: what products read and write is stored as float16 as long as it stays on the GPU and is
   * rounded as they multiply it; all arithmetic and all that programs are given and give is float32. Beyond 65519.99 a number so stored is
   * infinite, and below 2^-14 an adapter may take it for 0. Needs float16 of the adapter, and products of the device's own: gpu.js's kernels read float32 only.
   */
  readonly precision?: Precision
  /** Other limits than those of the adapter's kind. For tests, where small arrays are to be large. */
  readonly limits?: (adapter: GpuLimits) => GpuLimits
}

/** A task that is carried out once it is wanted, and then gives what it gave; after a failure, again. */
const remembered = <A>(task: TE.TaskEither<DeviceError, A>): TE.TaskEither<DeviceError, A> => {
  let made: Promise<E.Either<DeviceError, A>> | undefined
  return () => {
    made ??= task().then((result) => {
      if (E.isLeft(result)) made = undefined
      return result
    })
    return made
  }
}

const tooLarge = (found: number, most: number): DeviceError => ({
  _tag: 'Unsupported',
  device: 'webgpu',
  found: `an array of ${found} bytes`,
  expected: `at most ${most}, which is all that this adapter gives a kernel: a smaller batch has smaller arrays`
})

const launchesOf = (
  context: Context,
  races: Races,
  compilation: Pick<GpuCompilation, 'bytes' | 'halves'>,
  list: ReadonlyArray<Launch>
): Launches => ({
  list,
  ready: remembered<ReadonlyArray<Ready>>(
    pipe(
      raced(context, races, compilation, list),
      TE.chain((best) => readied(context.pipelines, context.gpuJs, compilation.bytes, best))
    )
  ),
  bindGroups: list.map(() => new Map())
})

const loadOn = (context: Context): Device<'async'>['load'] => {
  const races: Races = new Map()
  return (program) => {
    const { limits, gpuJs } = context
    const compilation = compileForGpu(program, limits, gpuJs)
    const largest = compilation.bytes.reduce((most, bytes) => Math.max(most, bytes), 0)
    if (largest > limits.bindingBytes) return E.left(tooLarge(largest, limits.bindingBytes))
    const { halves, kernels, launches, placement } = compilation
    let alone: Launches | undefined
    const loaded: Loaded = {
      program,
      compilation,
      dtypes: kernels.buffers.map(({ dtype }) => dtype),
      together: launchesOf(context, races, compilation, launches),
      apart: () =>
        (alone ??= launchesOf(
          context,
          races,
          compilation,
          launches.flatMap((launch) => apart(launch, limits, compilation.halves))
        ))
    }
    return E.right({
      program,
      kernels,
      halves,
      limits: limits.loops,
      declined: (contraction) =>
        gpuJs === undefined
          ? undefined
          : pipe(
              gpuJs.expresses(contraction),
              E.match(showDeviceError, () => undefined)
            ),
      multipliedBy: (contraction) => (takesGpuJs(gpuJs, contraction) ? 'gpu.js' : 'own'),
      launches: launches.length,
      workingBytes: placement.slots.reduce((sum, bytes) => sum + bytes, 0),
      run: runOn(context, loaded)
    })
  }
}

const deviceOn = (
  gpu: Gpu,
  { limits = (known) => known, precision = 'float32' }: WebGpuOptions,
  gpuJs: GpuJsProducts | undefined
): Device<'async'> => {
  const { adapter, device, facts } = gpu
  const matrices = hasMatrices(device.features, adapter.info)
  const context: Context = {
    gpu,
    limits: limits(gpuLimits(device.limits, facts.isSoftware, { precision, matrices })),
    pipelines: pipelinesOn(device),
    gpuJs,
    storage: storageOn(device, usage.storage | usage.copySrc | usage.copyDst),
    readback: storageOn(device, usage.mapRead | usage.copyDst),
    known: new WeakMap(),
    gate: inOrder()
  }
  const returning = returningTo(context.storage)
  const release: Task<void> = async () => {
    await gpuJs?.release()
    await gpu.release()
  }
  return {
    name: 'webgpu',
    multiplier: gpuJs === undefined ? 'own' : 'gpu.js',
    timing: 'async',
    floats: 'float32',
    limits: context.limits.loops,
    allocate: allocateOn(context, returning),
    allocateBlock: allocateBlockOn(context, returning),
    write: writeOn(context),
    read: readOn(context),
    load: loadOn(context),
    release
  }
}

/** Whether a GPU computes in the precision that is asked for. */
const permitted = (
  { device, facts }: Gpu,
  { products, precision }: WebGpuOptions
): E.Either<DeviceError, typeof products> => {
  if (precision !== 'mixed') return E.right(products)
  if (products === 'gpu.js')
    return E.left({
      _tag: 'Unsupported',
      device: 'webgpu',
      found: 'mixed precision with products by gpu.js',
      expected: "float32, or products of the device's own: gpu.js's kernels read float32 only"
    })
  return device.features.has('shader-f16')
    ? E.right(products)
    : E.left({
        _tag: 'DeviceUnavailable',
        wanted: 'mixed precision',
        reason: `it stores float16, which needs WebGPU's feature shader-f16, and ${showAdapter(facts)} does not have it`,
        available: ['float32']
      })
}

/** The device on a GPU that is open, and is released with it. */
export const webgpuOn = (gpu: Gpu, options: WebGpuOptions = {}): TE.TaskEither<DeviceError, Device<'async'>> =>
  pipe(
    TE.fromEither(permitted(gpu, options)),
    TE.chain((products) => (products === 'gpu.js' ? gpuJsProducts(gpu) : TE.right(undefined))),
    TE.bimap(
      (e) => {
        void gpu.release()
        return e
      },
      (gpuJs) => deviceOn(gpu, options, gpuJs)
    )
  )

/**
 * WebGPU: programs as compute shaders, arrays in the memory of the GPU. Needs an adapter, in Node the package `webgpu`; and gpu.js where
 * that is to multiply.
 *
 * Fails with `DeviceUnavailable` where one is missing, or float16 where precision is to be mixed; with `Unsupported` where gpu.js is to
 * multiply with that.
 */
export const webgpu = (options: WebGpuOptions = {}): TE.TaskEither<DeviceError, Device<'async'>> =>
  pipe(
    openGpu({ ...options, experiments: options.precision === 'mixed' }),
    TE.chain((gpu) => webgpuOn(gpu, options))
  )
