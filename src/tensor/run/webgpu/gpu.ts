/**
 * A WebGPU device of our own, with all that its adapter offers of what our kernels use.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type { Task } from 'fp-ts/lib/Task.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { reasonOf } from '../../reason.js'
import type { DeviceError } from '../device.js'
import {
  adapterFacts,
  requestAdapter,
  requestAdapters,
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
  readonly release: Task<void>
}

/** Features that kernels use where they are there. */
const wantedFeatures: ReadonlyArray<GPUFeatureName> = ['timestamp-query', 'shader-f16', 'subgroups']

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

const open = async ({ gpu, adapter }: PlatformAdapter, without: ReadonlyArray<GPUFeatureName>): Promise<Gpu> => {
  const device = await adapter.requestDevice({
    requiredFeatures: wantedFeatures.filter((feature) => adapter.features.has(feature) && !without.includes(feature)),
    requiredLimits: Object.fromEntries(wantedLimits.map((name) => [name, adapter.limits[name]]))
  })
  let failure: DeviceError | undefined
  let isReleased = false
  device.onuncapturederror = ({ error }) => {
    failure ??= deviceFailed(error.message)
  }
  const lost = device.lost.then(({ message }) => {
    if (!isReleased) failure ??= deviceFailed(`the GPU device was lost: ${message}`)
  })
  // Calls in flight are refused before the loss is told, and often without a word.
  const refusal = async (thrown: unknown): Promise<DeviceError> => {
    let timer: ReturnType<typeof setTimeout> | undefined
    const patience = new Promise<void>((resolve) => (timer = setTimeout(resolve, lossWithin)))
    await Promise.race([lost, patience])
    clearTimeout(timer)
    const reason = reasonOf(thrown)
    return failure ?? deviceFailed(reason === '' ? 'the GPU gave no result, and did not say why' : reason)
  }
  return {
    gpu,
    adapter,
    device,
    facts: adapterFacts(adapter),
    failure: () => failure,
    refusal: (thrown) => () => refusal(thrown),
    release: () => {
      isReleased = true
      failure ??= deviceFailed('the device has been released')
      device.destroy()
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

const adapterNumbered = (n: number): TE.TaskEither<DeviceError, PlatformAdapter> =>
  pipe(
    requestAdapters,
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

/**
 * An adapter of this machine, opened: by its number among `requestAdapters`, or the one that WebGPU gives who has no wishes. Fails with
 * `DeviceUnavailable` where there is none.
 */
export const openGpu = (
  adapter?: number,
  without: ReadonlyArray<GPUFeatureName> = []
): TE.TaskEither<DeviceError, Gpu> =>
  pipe(
    adapter === undefined ? TE.mapLeft(unavailable)(requestAdapter) : adapterNumbered(adapter),
    TE.chain((found) =>
      TE.tryCatch(
        () => open(found, without),
        (thrown) => unavailable(reasonOf(thrown))
      )
    )
  )
