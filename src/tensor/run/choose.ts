/**
 * Which device runs a program and who multiplies its matrices: from names to values, and what this machine offers.
 *
 * Two choices, made apart. A choice that cannot be had is an error; only `auto` decides anything, and the device's `name`
 * and `multiplier` say what it decided.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as T from 'fp-ts/lib/Task.js'
import type { Task } from 'fp-ts/lib/Task.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { blas } from './multipliers/blas.js'
import { acquireSync, alsoOffering, unsupported } from './choose-sync.js'
import { showDeviceError, type Device, type DeviceError, type HostDevice } from './device.js'
import type { DeviceChoice, MultiplierName } from './device-choice.js'
import { gpuJs, gpuJsModes, type GpuJsMode } from './multipliers/gpujs.js'
import { adaptersWith, showAdapter } from './multipliers/webgpu-adapter.js'
import type { Memory } from './memory/memory.js'
import { wasm } from './wasm/wasm.js'
import { adapterReport, lacksOf, type AdapterReport } from './webgpu/adapter-report.js'
import { openGpu } from './webgpu/gpu.js'
import { webgpu } from './webgpu/webgpu.js'

export {
  deviceNames,
  precisions,
  type DeviceChoice,
  type DeviceName,
  type MultiplierName,
  type Precision
} from './device-choice.js'

export const multiplierNames: ReadonlyArray<MultiplierName> = [
  'auto',
  'own',
  'blas',
  'gpu.js',
  ...gpuJsModes.map((mode) => `gpu.js:${mode}` as const)
]

const gpuJsModeOf = (matmul: MultiplierName): GpuJsMode | undefined =>
  matmul === 'gpu.js' ? 'webgpu' : gpuJsModes.find((mode) => matmul === `gpu.js:${mode}`)

/**
 * The chosen device of those that compute in this process, with the chosen multiplier inside it, working in the given memory or in one
 * of its own. Whoever acquires it releases it.
 *
 * Fails with `Unsupported` when the choices exclude one another, and with `DeviceUnavailable` when this machine lacks one.
 */
export const acquireHost = (
  choice: DeviceChoice,
  memory?: Memory
): TE.TaskEither<DeviceError, HostDevice<'sync'> | HostDevice<'async'>> => {
  const mode = gpuJsModeOf(choice.matmul)
  if (choice.adapter !== undefined)
    return TE.left(unsupported(choice.device, `adapter ${choice.adapter}`, 'the device webgpu: no other has adapters'))
  if (choice.precision === 'mixed')
    return TE.left(unsupported(choice.device, 'mixed precision', 'the device webgpu: no other computes in f16'))
  return mode === undefined || (choice.device !== 'wasm' && choice.device !== 'auto') || choice.floats === 'float64'
    ? acquireSync(choice, memory)
    : pipe(
        gpuJs(mode),
        TE.bimap(alsoOffering('own'), (multiplier) => wasm({ memory, relaxed: choice.relaxed, multiplier }))
      )
}

const acquireWebGpu = ({
  matmul,
  floats,
  adapter,
  precision
}: DeviceChoice): TE.TaskEither<DeviceError, Device<'async'>> => {
  if (floats === 'float64') return TE.left(unsupported('webgpu', 'float64', 'float32: GPUs compute in that'))
  switch (matmul) {
    case 'auto':
    case 'own':
      return webgpu({ adapter, precision })
    case 'gpu.js':
    case 'gpu.js:webgpu':
      return webgpu({ adapter, precision, products: 'gpu.js' })
    case 'blas':
    case 'gpu.js:webasm':
    case 'gpu.js:cpu':
    case 'gpu.js:webgl2':
    case 'gpu.js:webgl':
    case 'gpu.js:headlessgl':
    case 'gpu.js:gpu':
      return TE.left(unsupported('webgpu', `the multiplier ${matmul}`, 'own or gpu.js: what multiplies on the GPU'))
  }
}

/** The chosen device: `acquireHost`, or a GPU. */
export const acquire = (choice: DeviceChoice): TE.TaskEither<DeviceError, Device<'sync'> | Device<'async'>> =>
  choice.device === 'webgpu' ? acquireWebGpu(choice) : acquireHost(choice)

/** One thing that can be chosen: whether it is here, and on what it would compute or why it is not. */
export type Surveyed = {
  readonly kind: 'device' | 'adapter' | 'multiplier'
  /** Of an adapter its number, as choices name it. */
  readonly name: string
  readonly available: boolean
  readonly detail: string
  /** What it cannot do though it is here. */
  readonly lacks?: ReadonlyArray<string>
  readonly report?: AdapterReport
}

const reasonIn = (e: DeviceError): string => (e._tag === 'DeviceUnavailable' ? e.reason : showDeviceError(e))

const surveyMode =
  (mode: GpuJsMode): Task<Surveyed> =>
  async () => {
    const found = { kind: 'multiplier', name: `gpu.js:${mode}` } as const
    const multiplier = await gpuJs(mode)()
    if (E.isLeft(multiplier)) return { ...found, available: false, detail: reasonIn(multiplier.left) }
    const { release, runsOn, lacks } = multiplier.right
    await release()
    return { ...found, available: true, detail: runsOn, lacks }
  }

const surveyBlas: Task<Surveyed> = pipe(
  blas(),
  TE.match(
    (e) => ({ available: false, detail: reasonIn(e) }),
    ({ description, library }) => ({ available: true, detail: `${description} (${library})` })
  ),
  T.map((found) => ({ kind: 'multiplier', name: 'blas', ...found }))
)

const surveyWebGpu: Task<Surveyed> = pipe(
  openGpu(),
  TE.chainFirstTaskK(({ release }) => release),
  TE.match(
    (e) => ({ available: false, detail: reasonIn(e) }),
    ({ adapter, facts }) => ({
      available: true,
      detail: `fused kernels as WGSL; ${adapter.features.has('shader-f16') ? 'float32 or mixed precision' : 'float32'}; its own products; ${showAdapter(facts)}`
    })
  ),
  T.map((found) => ({ kind: 'device', name: 'webgpu', ...found }))
)

/** None where WebGPU is not: of that the device `webgpu` says why. */
const surveyAdapters: Task<ReadonlyArray<Surveyed>> = pipe(
  adaptersWith(true),
  TE.match(
    () => [],
    (all) =>
      all.map(({ adapter }, i): Surveyed => {
        const report = adapterReport(adapter)
        return {
          kind: 'adapter',
          name: String(i),
          available: true,
          detail: showAdapter(report),
          lacks: lacksOf(report),
          report
        }
      })
  )
)

/** Every device, adapter and multiplier by name, tried here and now, with the adapter that each GPU one would use. */
export const survey: Task<ReadonlyArray<Surveyed>> = async () => {
  const multipliers = [await surveyBlas(), ...(await Promise.all(gpuJsModes.map((mode) => surveyMode(mode)())))]
  return [
    {
      kind: 'device',
      name: 'wasm',
      available: true,
      detail: 'fused kernels as WebAssembly SIMD; float32; any multiplier'
    },
    {
      kind: 'device',
      name: 'reference',
      available: true,
      detail: 'plain arrays, the definition of every operation; float32 or float64; its own products'
    },
    await surveyWebGpu(),
    ...(await surveyAdapters()),
    { kind: 'multiplier', name: 'own', available: true, detail: 'the device multiplies for itself' },
    ...multipliers
  ]
}
