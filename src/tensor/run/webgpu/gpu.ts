/**
 * A WebGPU device of our own, with all that its adapter offers of what our kernels use.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type { Task } from 'fp-ts/lib/Task.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { reasonOf } from '../../reason.js'
import type { DeviceError } from '../device.js'
import { matrixFeature } from './matrices.js'
import {
  adapterFacts,
  adaptersWith,
  adapterWith,
  showAdapter,
  type AdapterFacts,
  type PlatformAdapter
} from '../multipliers/webgpu-adapter.js'

export type Gpu = PlatformAdapter & {
  readonly device: GPUDevice
  readonly facts: AdapterFacts
  /** What has gone wrong outside of any call, and from then on with all of them. */
  readonly failure: () => DeviceError | undefined
  /** The error of a call that was refused for that reason: the loss of the device, where that is why. */
  readonly refusal: (thrown: unknown) => Task<DeviceError>
  /** What is waited for of the GPU. Rejects where nothing comes within its patience: then it hangs, and has failed. */
  readonly answered: <A>(waited: Promise<A>) => Promise<A>
  readonly release: Task<void>
}

export type GpuOptions = {
  /** By its number among `requestAdapters`; where it is missing, the adapter that WebGPU gives who has no wishes. */
  readonly adapter?: number
  /** Features that are not used though the adapter may have them. */
  readonly without?: ReadonlyArray<GPUFeatureName>
  /** Whether what Dawn hides of an adapter is used as well. */
  readonly experiments?: boolean
  /** Seconds without an answer after which a GPU is taken to hang: 600, and 3,600 of one that is software. */
  readonly patience?: number
}

/** Features that kernels use where they are there. */
const wantedFeatures: ReadonlyArray<GPUFeatureName> = ['timestamp-query', 'shader-f16', 'subgroups', matrixFeature]

const wantedLimits = [
  'maxStorageBufferBindingSize',
  'maxBufferSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX'
] as const

export const deviceFailed = (reason: string): DeviceError => ({ _tag: 'DeviceFailed', device: 'webgpu', reason })

/** Milliseconds within which a device that refuses calls says that it is lost. */
const lossWithin = 1000

/** Long after a driver with a watchdog of its own has ended what hangs, and after any step that is worth waiting for. */
const patienceWith = ({ isSoftware }: AdapterFacts): number => (isSoftware ? 3600 : 600)

/** As what is waited for, or undefined after so many milliseconds. */
const within = async <A>(milliseconds: number, waited: Promise<A>): Promise<A | undefined> => {
  let timer: ReturnType<typeof setTimeout> | undefined
  const over = new Promise<undefined>((resolve) => (timer = setTimeout(() => resolve(undefined), milliseconds)))
  try {
    return await Promise.race([waited, over])
  } finally {
    clearTimeout(timer)
  }
}

const open = async ({ gpu, adapter }: PlatformAdapter, { without = [], patience }: GpuOptions): Promise<Gpu> => {
  const facts = adapterFacts(adapter)
  const device = await adapter.requestDevice({
    requiredFeatures: wantedFeatures.filter((feature) => adapter.features.has(feature) && !without.includes(feature)),
    requiredLimits: Object.fromEntries(wantedLimits.map((name) => [name, adapter.limits[name]]))
  })
  let failure: DeviceError | undefined
  let isReleased = false
  let hangs = false
  device.onuncapturederror = ({ error }) => {
    failure ??= deviceFailed(error.message)
  }
  const lost = device.lost.then(({ message }) => {
    if (!isReleased) failure ??= deviceFailed(`the GPU device was lost: ${message}`)
  })
  // Calls in flight are refused before the loss is told, and often without a word.
  const refusal = async (thrown: unknown): Promise<DeviceError> => {
    if (failure === undefined) await within(lossWithin, lost)
    const reason = reasonOf(thrown)
    return failure ?? deviceFailed(reason === '' ? 'the GPU gave no result, and did not say why' : reason)
  }
  const seconds = patience ?? patienceWith(facts)
  const answered = async <A>(waited: Promise<A>): Promise<A> => {
    const answer = await within(
      1000 * seconds,
      waited.then((value) => ({ value }))
    )
    if (answer !== undefined) return answer.value
    hangs = true
    const hung = `the GPU hangs: it has given no answer for ${seconds} s`
    failure ??= deviceFailed(hung)
    throw new Error(hung)
  }
  return {
    gpu,
    adapter,
    device,
    facts,
    failure: () => failure,
    refusal: (thrown) => () => refusal(thrown),
    answered,
    release: () => {
      isReleased = true
      failure ??= deviceFailed('the device has been released')
      // A driver waits for the work of a device that it destroys: where that hangs, for ever.
      if (!hangs) device.destroy()
      return Promise.resolve()
    }
  }
}

const unavailable = (reason: string): DeviceError => ({
  _tag: 'DeviceUnavailable',
  wanted: 'webgpu',
  reason,
  available: ['wasm', 'reference']
})

const adapterNumbered = (n: number, experiments: boolean): TE.TaskEither<DeviceError, PlatformAdapter> =>
  pipe(
    adaptersWith(experiments),
    TE.mapLeft(unavailable),
    TE.chainEitherK((all) =>
      n in all
        ? E.right(all[n])
        : E.left<DeviceError>({
            _tag: 'DeviceUnavailable',
            wanted: `adapter ${n}`,
            reason: `WebGPU finds ${all.length === 1 ? 'one, numbered 0' : `${all.length}, numbered from 0`}`,
            available: all.map(({ adapter }, i) => `${i} ${showAdapter(adapterFacts(adapter))}`)
          })
    )
  )

/** An adapter of this machine, opened. Fails with `DeviceUnavailable` where there is none. */
export const openGpu = (options: GpuOptions = {}): TE.TaskEither<DeviceError, Gpu> => {
  const { adapter, experiments = false } = options
  return pipe(
    adapter === undefined ? TE.mapLeft(unavailable)(adapterWith(experiments)) : adapterNumbered(adapter, experiments),
    TE.chain((found) =>
      TE.tryCatch(
        () => open(found, options),
        (thrown) => unavailable(reasonOf(thrown))
      )
    )
  )
}
