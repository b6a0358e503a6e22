/**
 * gpu.js's kernels on a device of ours, in our own passes: gpu.js translates and compiles, we bind and dispatch.
 *
 * A kernel is built once for each text and grid. Of what gpu.js makes only the pipeline, its layout and its uniform are used: operands
 * and results are buffers of the device, or stretches of them, and nothing is copied. That what was built is a WebGPU kernel, and
 * no other that gpu.js put in its place, is checked of every one.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type * as T from 'fp-ts/lib/Task.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import {
  gpuJsKernel,
  integerAddresses,
  operandNames,
  type GpuJsArithmetic,
  type GpuJsKernel,
  type Results,
  type Window
} from '../../emit/gpujs.js'
import type { Contraction } from '../../program/kernel.js'
import { reasonOf } from '../../reason.js'
import type { DeviceError } from '../device.js'
import { openOnDevice, type GpuJsRun, type OpenBackend, type WebGpuPlace } from '../multipliers/gpujs-backend.js'

/** Bytes of a buffer. */
export type Stretch = { readonly offset: number; readonly size: number }

/** All that a pass needs to compute one contraction. */
export type GpuJsProduct = {
  readonly pipeline: GPUComputePipeline
  readonly bindGroupLayout: GPUBindGroupLayout
  /** The numbers of the bindings, and which bytes of an operand's buffer to bind. */
  readonly bindings: {
    readonly uniform: 0
    readonly left: { readonly binding: 1 } & Stretch
    readonly right: { readonly binding: 2 } & Stretch
    readonly out: { readonly binding: 3; readonly size: number }
  }
  readonly uniform: GPUBuffer
  readonly workgroups: readonly [number, number, number]
  readonly results: Results
}

export type GpuJsProducts = {
  /**
   * The kernel of a contraction, with four results a thread where rows are fours, or with as many as asked for. Fails with
   * `Unsupported` where gpu.js cannot express it, and says why; with `DeviceFailed` where gpu.js built no WebGPU kernel.
   */
  readonly prepare: (contraction: Contraction, results?: Results) => TE.TaskEither<DeviceError, GpuJsProduct>
  /** Whether gpu.js can express a contraction: `Unsupported`, which says why, if not. */
  readonly expresses: (contraction: Contraction) => E.Either<DeviceError, void>
  /** Kernels that gpu.js has built, by results a thread. */
  readonly counts: () => Readonly<Record<Results, number>>
  /** Of gpu.js's kernels, not of the device. */
  readonly release: T.Task<void>
}

/** What gpu.js makes of a kernel when it builds it. Its own output buffer is never used. */
type Made = GpuJsRun['kernel'] & {
  readonly build: (...operands: ReadonlyArray<Float32Array>) => Promise<void>
  readonly computePipeline: GPUComputePipeline
  readonly bindGroupLayout: GPUBindGroupLayout
  readonly paramsBuffer: GPUBuffer
  readonly outputBuffer: GPUBuffer
}

const failed = (reason: string): DeviceError => ({ _tag: 'DeviceFailed', device: 'gpu.js:webgpu', reason })

/** Threads of a workgroup of gpu.js along x and y. */
const workgroupSide = 8

const floatBytes = 4

const stretchOf = ({ start, length }: Window): Stretch => ({ offset: floatBytes * start, size: floatBytes * length })

/** As gpu.js lays its parameters out: the grid, then of each argument its three extents and their product. */
const parametersOf = ({ output, left, right }: GpuJsKernel): Uint32Array<ArrayBuffer> =>
  Uint32Array.of(...output, 0, ...[left, right].flatMap(({ length }) => [length, 1, 1, length]))

const build = async (on: OpenBackend, device: GPUDevice, emitted: GpuJsKernel): Promise<Made> => {
  const { source, output, results } = emitted
  const run = on.gpu.createKernel(source, {
    output: [...output],
    argumentTypes: Object.fromEntries(operandNames.map((operand) => [operand, 'Array'])),
    precision: 'single',
    ...(results === 4 ? { returnType: 'Array(4)' } : {})
  })
  const expectWebGpu = (): void => {
    const built = on.backendOf(run)
    const reason = run.kernel.fallbackReason ?? undefined
    if (built !== 'webgpu' || reason !== undefined)
      throw new Error(
        `gpu.js made a kernel of another backend: ${built}${reason === undefined ? '' : `, because ${reason}`}`
      )
  }
  expectWebGpu()
  const made = run.kernel as Made
  await on.within(() => made.build(...operandNames.map(() => new Float32Array(1))))
  expectWebGpu()
  made.outputBuffer.destroy()
  device.queue.writeBuffer(made.paramsBuffer, 0, parametersOf(emitted))
  return made
}

const productOf = (made: Made, { output, left, right, results }: GpuJsKernel): GpuJsProduct => {
  const [x, y, z] = output
  return {
    pipeline: made.computePipeline,
    bindGroupLayout: made.bindGroupLayout,
    bindings: {
      uniform: 0,
      left: { binding: 1, ...stretchOf(left) },
      right: { binding: 2, ...stretchOf(right) },
      out: { binding: 3, size: floatBytes * results * x * y * z }
    },
    uniform: made.paramsBuffer,
    workgroups: [Math.ceil(x / workgroupSide), Math.ceil(y / workgroupSide), z],
    results
  }
}

const resultsOf = ({ n }: Contraction): Results => (n % 4 === 0 ? 4 : 1)

const products = (on: OpenBackend, device: GPUDevice, arithmetic: GpuJsArithmetic): GpuJsProducts => {
  const kernels = new Map<string, { readonly results: Results; readonly made: Promise<Made> }>()
  const { maxStorageBufferBindingSize, minStorageBufferOffsetAlignment } = device.limits

  const madeOf = (emitted: GpuJsKernel): Promise<Made> => {
    const { source, output, left, right, results } = emitted
    const key = [...output, left.length, right.length, source].join(' ')
    const known = kernels.get(key)
    if (known !== undefined) return known.made
    const made = build(on, device, emitted)
    kernels.set(key, { results, made })
    // What could not be built is no kernel, and may be tried again.
    made.catch(() => kernels.delete(key))
    return made
  }

  /** A binding of a stretch has to begin where the adapter says, and must not be too large. */
  const emit = (contraction: Contraction, results: Results): E.Either<DeviceError, GpuJsKernel> =>
    pipe(
      contraction,
      gpuJsKernel(arithmetic, { results, alignment: minStorageBufferOffsetAlignment / floatBytes }),
      E.filterOrElse(
        ({ left, right, output }) =>
          floatBytes * Math.max(left.length, right.length, results * output.reduce((a, b) => a * b, 1)) <=
          maxStorageBufferBindingSize,
        ({ left, right, output }) => ({
          found: `a product of ${left.length} by ${right.length} elements to ${results * output.reduce((a, b) => a * b, 1)}`,
          expected: `at most ${maxStorageBufferBindingSize} bytes a buffer`
        })
      ),
      E.mapLeft(({ found, expected }): DeviceError => ({
        _tag: 'Unsupported',
        device: 'gpu.js:webgpu',
        found,
        expected
      }))
    )

  return {
    expresses: (contraction) =>
      pipe(
        emit(contraction, resultsOf(contraction)),
        E.map(() => undefined)
      ),
    prepare: (contraction, results = resultsOf(contraction)) =>
      pipe(
        TE.fromEither(emit(contraction, results)),
        TE.chain((emitted) =>
          TE.tryCatch(
            async () => productOf(await madeOf(emitted), emitted),
            (reason) => failed(reasonOf(reason))
          )
        )
      ),
    counts: () => {
      const built = [...kernels.values()]
      const of = (results: Results): number => built.filter((kernel) => kernel.results === results).length
      return { 1: of(1), 4: of(4) }
    },
    release: on.release
  }
}

/**
 * gpu.js's products on a device. Fails with `DeviceUnavailable` where gpu.js is not installed. `limits` sets other sizes than the
 * backend's own, for tests.
 */
export const gpuJsProducts = (
  place: WebGpuPlace,
  limits: Partial<GpuJsArithmetic> = {}
): TE.TaskEither<DeviceError, GpuJsProducts> =>
  pipe(
    openOnDevice(place),
    TE.map((on) => products(on, place.device, { ...integerAddresses, ...limits }))
  )
