/**
 * gpu.js as a multiplier: contractions as its kernels, on WebGPU or on another of its backends.
 *
 * Each multiplier owns its backend, its kernels and, on WebGPU, its device, and lets go of all of them on release. gpu.js
 * can degrade a kernel to its CPU backend; here that is an error, and after every run the backend is read back from the
 * kernel that ran.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import {
  floatAddresses,
  gpuJsKernel,
  integerAddresses,
  operandNames,
  type GpuJsArithmetic,
  type GpuJsKernel,
  type Window
} from '../../emit/gpujs.js'
import type { DeviceError } from '../device.js'
import { openBackend, type GpuJsBackend, type GpuJsMode, type GpuJsRun, type OpenBackend } from './gpujs-backend.js'
import type { Contraction } from '../../program/kernel.js'
import type { Multiplier, Multiply } from './multiplier.js'
import { reasonOf } from '../../reason.js'

export { gpuJsBackends, gpuJsModes, type GpuJsBackend, type GpuJsMode } from './gpujs-backend.js'

export type GpuJsMultiplier = Multiplier<'async'> & {
  /** What it computes on: an adapter by name and kind, or the CPU. */
  readonly runsOn: string
  /** What products on a GPU may want, and this backend cannot do. */
  readonly lacks: ReadonlyArray<string>
  /** The backends that have executed kernels so far, read back from those kernels. */
  readonly executed: () => ReadonlyArray<string>
}

const failed = (device: string, reason: string): DeviceError => ({ _tag: 'DeviceFailed', device, reason })

const covers = ({ start, length }: Window, data: Float32Array): boolean => start >= 0 && start + length <= data.length

const viewed = ({ start, length }: Window, data: Float32Array): Float32Array => data.subarray(start, start + length)

/** What a kernel with a three-dimensional grid returns: planes of rows of numbers. */
type Planes = ReadonlyArray<ReadonlyArray<Float32Array>>

/** The declared type of a kernel's result has every form there is; only on WebGPU is it a promise. */
const call = (kernel: GpuJsRun, left: Float32Array, right: Float32Array): Planes | Promise<Planes> =>
  kernel(left, right) as Planes | Promise<Planes>

const flattenInto = (out: Float32Array, planes: Planes): void => {
  let offset = 0
  for (const rows of planes) {
    for (const row of rows) {
      out.set(row, offset)
      offset += row.length
    }
  }
}

/** WebGL's shaders keep every number that is not a literal in floats. */
const arithmeticOf: Readonly<Record<GpuJsBackend, GpuJsArithmetic>> = {
  webgpu: integerAddresses,
  webasm: integerAddresses,
  cpu: integerAddresses,
  webgl2: floatAddresses,
  webgl: floatAddresses,
  headlessgl: floatAddresses
}

const ofShaders = ['f16', 'workgroup memory']
const ofTheCpu = ['a GPU', 'more than one thread']
const ofWebGl = [...ofShaders, `operands and sums of more than ${floatAddresses.exact}`]

const lacks: Readonly<Record<GpuJsBackend, ReadonlyArray<string>>> = {
  webgpu: ofShaders,
  webasm: ofTheCpu,
  cpu: ofTheCpu,
  webgl2: ofWebGl,
  webgl: ofWebGl,
  headlessgl: ofWebGl
}

const multiplier = (on: OpenBackend, limits: Partial<GpuJsArithmetic>): GpuJsMultiplier => {
  const name = `gpu.js:${on.backend}`
  const kernels = new Map<string, GpuJsRun>()
  const executed = new Set<string>()
  let isReleased = false

  const build = ({ source, output }: GpuJsKernel): GpuJsRun => {
    const kernel: GpuJsRun = on.gpu.createKernel(source, {
      output: [...output],
      argumentTypes: Object.fromEntries(operandNames.map((operand) => [operand, 'Array'])),
      precision: 'single',
      onRequestFallback: () => {
        throw new Error(`gpu.js would degrade this kernel to its cpu backend: ${kernel.kernel.fallbackReason}`)
      }
    })
    return kernel
  }

  /** One gpu.js kernel for each text and grid, whichever program it is in. */
  const kernelFor = (emitted: GpuJsKernel): GpuJsRun => {
    const key = `${emitted.output.join(' ')} ${emitted.source}`
    const known = kernels.get(key)
    if (known !== undefined) return known
    const built = build(emitted)
    kernels.set(key, built)
    return built
  }

  const multiply =
    (emitted: GpuJsKernel, kernel: GpuJsRun): Multiply<'async'> =>
    (left, right, out) =>
    async () => {
      if (isReleased) return E.left(failed(name, 'it has been released'))
      const size = emitted.output.reduce((a, b) => a * b, 1)
      if (!covers(emitted.left, left) || !covers(emitted.right, right) || out.length !== size) {
        return E.left({
          _tag: 'WrongArrays',
          device: name,
          found: `arrays of ${left.length}, ${right.length} and ${out.length} elements`,
          expected:
            `left [${emitted.left.start}, +${emitted.left.length}], ` +
            `right [${emitted.right.start}, +${emitted.right.length}] and ${size} results`
        })
      }
      try {
        const planes = await on.within(() => call(kernel, viewed(emitted.left, left), viewed(emitted.right, right)))
        const ran = on.backendOf(kernel)
        executed.add(ran)
        if (ran !== on.backend) return E.left(failed(name, `the kernel ran on another backend of gpu.js: ${ran}`))
        const [failure] = on.failures()
        if (failure !== undefined) return E.left(failed(name, failure))
        flattenInto(out, planes)
        return E.right(undefined)
      } catch (reason) {
        return E.left(failed(name, reasonOf(reason)))
      }
    }

  return {
    name,
    timing: 'async',
    prepare: (contraction: Contraction) =>
      isReleased
        ? E.left(failed(name, 'it has been released'))
        : pipe(
            contraction,
            gpuJsKernel({ ...arithmeticOf[on.backend], ...limits }),
            E.mapLeft(({ found, expected }): DeviceError => ({
              _tag: 'Unsupported',
              device: 'gpu.js',
              found,
              expected
            })),
            E.chain((emitted) =>
              E.tryCatch(
                () => multiply(emitted, kernelFor(emitted)),
                (reason) => failed(name, reasonOf(reason))
              )
            )
          ),
    runsOn: on.runsOn,
    lacks: lacks[on.backend],
    executed: () => [...executed],
    release: async () => {
      if (isReleased) return
      isReleased = true
      kernels.clear()
      await on.release()
    }
  }
}

/**
 * A multiplier whose contractions are gpu.js kernels, in the given mode.
 *
 * Fails with `DeviceUnavailable` when the machine has no such backend (for `webgpu`: no adapter, or in Node no package
 * `webgpu`). Its runs fail with `DeviceFailed` when gpu.js does, when the device is lost, or when any backend but the one
 * asked for executed a kernel. A contraction whose operands or sums are longer than the backend can count (2^24 on WebGL) is
 * `Unsupported`. `limits` sets other sizes than the backend's own, for tests.
 */
export const gpuJs = (
  mode: GpuJsMode,
  limits: Partial<GpuJsArithmetic> = {}
): TE.TaskEither<DeviceError, GpuJsMultiplier> =>
  pipe(
    openBackend(mode),
    TE.map((on) => multiplier(on, limits))
  )
