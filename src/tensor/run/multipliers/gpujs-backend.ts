/**
 * The backends of gpu.js: which of them are here, and one of them opened, with what it computes on.
 *
 * gpu.js is loaded when a backend is opened, not before. What of gpu.js's insides we rely on is written down here:
 * `GpuJsLibrary` lists it, and gpu.js is pinned to one version for its sake.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as T from 'fp-ts/lib/Task.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { DeviceError } from '../device.js'
import { reasonOf } from '../../reason.js'
import { adapterFacts, requestAdapter, showAdapter, type PlatformAdapter } from './webgpu-adapter.js'

/** The backends of gpu.js, by its own names. */
export const gpuJsBackends = ['webgpu', 'webasm', 'cpu', 'webgl2', 'webgl', 'headlessgl'] as const

export type GpuJsBackend = (typeof gpuJsBackends)[number]

/** What can be asked for: a backend, or `gpu` for whichever WebGL backend there is. */
export const gpuJsModes = [...gpuJsBackends, 'gpu'] as const

export type GpuJsMode = (typeof gpuJsModes)[number]

/** A kernel that gpu.js has built, to be called with its arguments. */
export type GpuJsRun = {
  (...operands: ReadonlyArray<Float32Array>): unknown
  readonly kernel: { readonly constructor: { readonly name: string }; readonly fallbackReason?: string }
}

/** What we use of gpu.js, in types of our own: it is an optional peer, and our declarations stand without it. */
type GpuJs = {
  readonly createKernel: (source: string, settings: object) => GpuJsRun
  readonly destroy: () => Promise<void>
}

/** A WebGPU device, and where it comes from. */
export type WebGpuPlace = PlatformAdapter & { readonly device: GPUDevice }

/** The device that gpu.js computes on in mode `webgpu`, in gpu.js's own record; its kernels read `isLost`. */
type WebGpuContext = WebGpuPlace & { isLost: boolean }

type KernelClass = { readonly isSupported: boolean }

type GpuJsLibrary = {
  readonly GPU: {
    new (settings: { readonly mode: string }): GpuJs
    readonly disableValidation: () => void
    readonly enableValidation: () => void
  }
  readonly WebGPUContext: { acquire: () => Promise<WebGpuContext> }
  readonly WebGPUKernel: KernelClass
  readonly WebAssemblyKernel: KernelClass
  readonly CPUKernel: KernelClass
  readonly WebGL2Kernel: KernelClass
  readonly WebGLKernel: KernelClass
  readonly HeadlessGLKernel: KernelClass
}

/** The class of each backend's kernels. The `mode` they carry will not do: all of WebGL says `gpu`. */
const kernelClass = (lib: GpuJsLibrary): Readonly<Record<GpuJsBackend, KernelClass>> => ({
  webgpu: lib.WebGPUKernel,
  webasm: lib.WebAssemblyKernel,
  cpu: lib.CPUKernel,
  webgl2: lib.WebGL2Kernel,
  webgl: lib.WebGLKernel,
  headlessgl: lib.HeadlessGLKernel
})

/** Where kernels run, and what of it must be given back. */
type Ground = {
  /** An adapter by name and kind, or the CPU. */
  readonly runsOn: string
  /** Runs `f` while gpu.js computes on this ground. */
  readonly within: <A>(f: () => A) => A
  /** What has gone wrong outside of any call. */
  readonly failures: () => ReadonlyArray<string>
  readonly release: T.Task<void>
}

export type OpenBackend = Ground & {
  readonly backend: GpuJsBackend
  readonly gpu: GpuJs
  /** The backend that a kernel is of now: gpu.js may have replaced the one that it was built as. */
  readonly backendOf: (kernel: GpuJsRun) => string
}

const whyMissing = (thrown: unknown): string =>
  thrown instanceof Error && 'code' in thrown && thrown.code === 'ERR_MODULE_NOT_FOUND'
    ? 'the package `gpu.js` is not installed: npm install gpu.js@2.24.1'
    : `the package \`gpu.js\` does not load: ${reasonOf(thrown)}`

/**
 * In Node the default export is gpu.js's module object, in its browser build the class that carries the same names. Caught where
 * it is imported: by that a bundler sees that a page can do without it.
 */
const library: TE.TaskEither<string, GpuJsLibrary> = async () => {
  try {
    const loaded: { readonly default: unknown } = await import('gpu.js')
    // Its declarations leave out half of what GpuJsLibrary lists, and both forms of the default export.
    return E.right(loaded.default as GpuJsLibrary)
  } catch (thrown) {
    return E.left(whyMissing(thrown))
  }
}

/** Why a backend is not there, when it is not. WebGPU is only known by asking for an adapter. */
const absence: Readonly<Record<Exclude<GpuJsBackend, 'webgpu'>, string>> = {
  webasm: 'there is no WebAssembly here',
  cpu: 'gpu.js cannot use this JavaScript engine',
  webgl2: 'there is no canvas with a WebGL 2 context here',
  webgl: 'there is no canvas with a WebGL context here',
  headlessgl: 'the package `gl` is not installed, or finds no display'
}

/** The backend that a mode stands for, or the reason why it cannot be had. */
const resolve = (lib: GpuJsLibrary, mode: GpuJsMode): E.Either<string, GpuJsBackend> => {
  const isSupported = (backend: GpuJsBackend): boolean => kernelClass(lib)[backend].isSupported
  switch (mode) {
    case 'webgpu':
      return E.right(mode)
    case 'gpu':
      return E.fromNullable('there is no WebGL here (for WebGPU ask for `webgpu`)')(
        (['headlessgl', 'webgl2', 'webgl'] as const).find(isSupported)
      )
    case 'webasm':
    case 'cpu':
    case 'webgl2':
    case 'webgl':
    case 'headlessgl':
      return isSupported(mode) ? E.right(mode) : E.left(absence[mode])
  }
}

/** The modes that need no adapter and work here, for messages. */
const alternatives = (lib: GpuJsLibrary): ReadonlyArray<string> =>
  gpuJsModes.filter((mode) => mode !== 'webgpu' && E.isRight(resolve(lib, mode))).map((mode) => `gpu.js:${mode}`)

const plainGround = (runsOn: string): Ground => ({
  runsOn,
  within: (f) => f(),
  failures: () => [],
  release: T.of(undefined)
})

/**
 * gpu.js asks for its one shared device through a static method, synchronously, when a kernel is first called or built: for the
 * length of that call the method answers with ours.
 */
const withinContext =
  (lib: GpuJsLibrary, context: WebGpuContext) =>
  <A>(f: () => A): A => {
    const shared = lib.WebGPUContext.acquire
    lib.WebGPUContext.acquire = () => Promise.resolve(context)
    try {
      return f()
    } finally {
      lib.WebGPUContext.acquire = shared
    }
  }

/** A WebGPU device of our own, with the adapter's limits on buffer sizes. */
const webGpuGround = (lib: GpuJsLibrary): TE.TaskEither<string, Ground> =>
  pipe(
    requestAdapter,
    TE.chain(({ gpu, adapter }) =>
      TE.tryCatch(async () => {
        const { maxStorageBufferBindingSize, maxBufferSize } = adapter.limits
        const device = await adapter.requestDevice({ requiredLimits: { maxStorageBufferBindingSize, maxBufferSize } })
        const failures: Array<string> = []
        const context: WebGpuContext = { gpu, adapter, device, isLost: false }
        device.onuncapturederror = ({ error }) => failures.push(error.message)
        void device.lost.then((loss) => {
          context.isLost = true
          failures.push(`the WebGPU device was lost: ${loss.message}`)
        })
        return {
          runsOn: showAdapter(adapterFacts(adapter)),
          within: withinContext(lib, context),
          failures: () => failures,
          release: T.fromIO(() => device.destroy())
        }
      }, reasonOf)
    )
  )

const groundOf = (lib: GpuJsLibrary, backend: GpuJsBackend): TE.TaskEither<string, Ground> => {
  switch (backend) {
    case 'webgpu':
      return webGpuGround(lib)
    case 'webasm':
      return TE.right(plainGround('WebAssembly on one thread of the CPU'))
    case 'cpu':
      return TE.right(plainGround('JavaScript on one thread of the CPU'))
    case 'webgl2':
    case 'webgl':
    case 'headlessgl':
      return TE.right(plainGround('OpenGL'))
  }
}

/** gpu.js checks a mode against `navigator.gpu`, which in Node nobody sets; what works here is already known. */
const openGpuJs = (lib: GpuJsLibrary, backend: GpuJsBackend): GpuJs => {
  lib.GPU.disableValidation()
  try {
    return new lib.GPU({ mode: backend })
  } finally {
    lib.GPU.enableValidation()
  }
}

const open = (lib: GpuJsLibrary, backend: GpuJsBackend, ground: Ground): OpenBackend => {
  const gpu = openGpuJs(lib, backend)
  const classes = kernelClass(lib)
  return {
    ...ground,
    backend,
    gpu,
    backendOf: ({ kernel }) =>
      gpuJsBackends.find((name) => classes[name] === (kernel.constructor as unknown)) ?? kernel.constructor.name,
    release: async () => {
      await gpu.destroy()
      await ground.release()
    }
  }
}

/**
 * Opens the backend that a mode stands for. Fails with `DeviceUnavailable` when the machine has none (for `webgpu`: no
 * adapter, or in Node no package `webgpu`), naming the modes that would work.
 */
export const openBackend = (mode: GpuJsMode): TE.TaskEither<DeviceError, OpenBackend> => {
  const unavailable =
    (available: ReadonlyArray<string>) =>
    (reason: string): DeviceError => ({ _tag: 'DeviceUnavailable', wanted: `gpu.js:${mode}`, reason, available })
  return pipe(
    library,
    TE.mapLeft(unavailable([])),
    TE.chain((lib) =>
      pipe(
        TE.fromEither(resolve(lib, mode)),
        TE.chain((backend) =>
          pipe(
            groundOf(lib, backend),
            TE.map((ground) => open(lib, backend, ground))
          )
        ),
        TE.mapLeft(unavailable(alternatives(lib)))
      )
    )
  )
}

/** gpu.js on a device that is somebody else's: whoever made it listens for its errors, and destroys it. */
export const openOnDevice = (place: WebGpuPlace): TE.TaskEither<DeviceError, OpenBackend> =>
  pipe(
    library,
    TE.bimap(
      (reason): DeviceError => ({ _tag: 'DeviceUnavailable', wanted: 'gpu.js:webgpu', reason, available: [] }),
      (lib) => {
        const context: WebGpuContext = { ...place, isLost: false }
        void place.device.lost.then(() => {
          context.isLost = true
        })
        return open(lib, 'webgpu', {
          runsOn: showAdapter(adapterFacts(place.adapter)),
          within: withinContext(lib, context),
          failures: () => [],
          release: T.of(undefined)
        })
      }
    )
  )
