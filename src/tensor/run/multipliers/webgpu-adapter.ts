/**
 * WebGPU, wherever this runs: the browser's own, or in Node the one of the optional package `webgpu` (Dawn).
 *
 * Nothing is installed on `globalThis`.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { reasonOf } from '../../reason.js'

/** What an adapter says of itself. */
export type AdapterFacts = {
  readonly vendor: string
  readonly architecture: string
  readonly description: string
  /** Whether it computes on the CPU: there for compatibility, not for speed. */
  readonly isSoftware: boolean
}

export const showAdapter = ({ vendor, architecture, description, isSoftware }: AdapterFacts): string => {
  const family = [vendor, architecture].filter((word) => word !== '').join(' ')
  const name = description === '' ? 'adapter without a name' : description
  return `${name} (${[family, isSoftware ? 'software' : 'hardware'].filter((word) => word !== '').join(', ')})`
}

/** The optional package. Bundlers are kept from following it: browsers never load it. */
const nodePackage: string = 'webgpu'

type Dawn = { readonly create: (options: ReadonlyArray<string>) => GPU }

const isMissing = (reason: unknown): boolean =>
  reason instanceof Error && 'code' in reason && reason.code === 'ERR_MODULE_NOT_FOUND'

/** Dawn rounds timestamps to 0.1 ms for the sake of web pages, which have no say here. */
const plainly = ['disable-dawn-features=timestamp_quantization']

/** Without these Dawn hides f16 on cards of NVIDIA, and everywhere the matrices of subgroups. */
const experimentally = [
  ...plainly,
  'enable-dawn-features=vulkan_enable_f16_on_nvidia,allow_unsafe_apis,use_vulkan_memory_model'
]

/**
 * What `create` has given, plain and with experiments: Dawn frees everything under it when it is collected, in use or not yet finalized,
 * and ends the process. So it lives as long as that.
 */
const created: { plain?: GPU; experimental?: GPU } = {}

const inNode = (experiments: boolean): TE.TaskEither<string, GPU> =>
  TE.tryCatch(
    async () => {
      const dawn = (await import(/* webpackIgnore: true */ /* @vite-ignore */ nodePackage)) as Dawn
      return experiments
        ? (created.experimental ??= dawn.create(experimentally))
        : (created.plain ??= dawn.create(plainly))
    },
    (reason) =>
      isMissing(reason)
        ? 'there is no navigator.gpu here, and the optional package `webgpu` is not installed (npm install webgpu)'
        : `there is no navigator.gpu here, and the package \`webgpu\` does not load: ${reasonOf(reason)}`
  )

/** Node has no `navigator` before version 21, browsers without WebGPU (or on plain http) no `gpu` in it. */
const ownGpu = (): GPU | undefined => (typeof navigator === 'undefined' ? undefined : navigator.gpu)

const isNode = typeof process !== 'undefined' && process.versions?.node !== undefined

const platformGpu =
  (experiments: boolean): TE.TaskEither<string, GPU> =>
  async () => {
    const gpu = ownGpu()
    if (gpu !== undefined) return E.right(gpu)
    return isNode
      ? inNode(experiments)()
      : E.left('this browser offers no WebGPU to this page (navigator.gpu is missing)')
  }

/** An adapter and the object that it came from. */
export type PlatformAdapter = { readonly gpu: GPU; readonly adapter: GPUAdapter }

const found = (gpu: GPU, options: GPURequestAdapterOptions): TE.TaskEither<string, GPUAdapter | null> =>
  TE.tryCatch(() => gpu.requestAdapter(options), reasonOf)

const noAdapter = 'WebGPU is here, but finds no adapter: no GPU driver that it can use'

/** Ways to ask, of which each may find another adapter. The first is how one asks who has no wishes. */
const wishes: ReadonlyArray<GPURequestAdapterOptions> = [
  {},
  { powerPreference: 'high-performance' },
  { powerPreference: 'low-power' },
  { forceFallbackAdapter: true }
]

const isSameAdapter = ({ info: a }: GPUAdapter, { info: b }: GPUAdapter): boolean =>
  a.vendor === b.vendor && a.architecture === b.architecture && a.device === b.device && a.description === b.description

/**
 * The adapters of this machine that WebGPU tells apart, of which there is one at least: their numbers are their places here. The first
 * is the one that `requestAdapter` gives. A machine may have software adapters only. With `experiments` an adapter also lists
 * features that Dawn hides as long as they are not proven.
 */
export const adaptersWith = (experiments: boolean): TE.TaskEither<string, ReadonlyArray<PlatformAdapter>> =>
  pipe(
    platformGpu(experiments),
    TE.chain((gpu) =>
      pipe(
        wishes,
        TE.traverseSeqArray((wish) => found(gpu, wish)),
        TE.map((all) => {
          const adapters = all.flatMap((adapter) => adapter ?? [])
          const isFirst = (adapter: GPUAdapter, i: number): boolean =>
            adapters.findIndex((other) => isSameAdapter(other, adapter)) === i
          return adapters.filter(isFirst).map((adapter) => ({ gpu, adapter }))
        })
      )
    ),
    TE.filterOrElse(
      (adapters) => adapters.length > 0,
      () => noAdapter
    )
  )

/** This machine's adapter, or the reason why there is none. */
export const adapterWith = (experiments: boolean): TE.TaskEither<string, PlatformAdapter> =>
  pipe(
    platformGpu(experiments),
    TE.chain((gpu) =>
      pipe(
        found(gpu, {}),
        TE.chain(TE.fromNullable(noAdapter)),
        TE.map((adapter) => ({ gpu, adapter }))
      )
    )
  )

export const requestAdapters = adaptersWith(false)

export const requestAdapter = adapterWith(false)

/** Software renderers known by name, for browsers that do not say whether an adapter is a fallback. */
const softwareArchitectures: ReadonlyArray<string> = ['swiftshader', 'llvmpipe', 'lavapipe', 'warp']

export const adapterFacts = ({ info }: GPUAdapter): AdapterFacts => ({
  vendor: info.vendor,
  architecture: info.architecture,
  description: info.description,
  isSoftware:
    info.isFallbackAdapter === true ||
    softwareArchitectures.some((name) => `${info.architecture} ${info.description}`.toLowerCase().includes(name))
})
