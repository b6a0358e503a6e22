/**
 * A run that is watched: launches of one kernel each, in their order, with the seconds that they take where the GPU keeps time.
 *
 * Launches of one fused kernel that follow one another are a pass, with a timestamp at both ends; a fused kernel may have passes apart, since
 * what does not depend on one another runs in another order. A GPU without timestamps is given a pass when the one before it is done, so that
 * whoever watches can look at a clock.
 */

import * as TE from 'fp-ts/lib/TaskEither.js'
import { reasonOf } from '../../reason.js'
import type { DeviceError, Observe } from '../device.js'
import type { GpuCompilation, Launch } from './compilation.js'
import { deviceFailed } from './gpu.js'
import { mostPasses, nanosecondsOf } from './timestamps.js'

/** Encodes a launch, by its number. */
export type Encode = (pass: GPUComputePassEncoder, launch: number) => void

/** Launches that follow one another, of one kernel. */
type Stretch = { readonly kernel: number; readonly launches: ReadonlyArray<number> }

/** What is told of launches: the fused kernels that they are a part of, of which there is one. */
type Told = Pick<Launch, 'origins'>

const stretchesOf = (launches: ReadonlyArray<Told>): ReadonlyArray<Stretch> => {
  const stretches: Array<{ readonly kernel: number; readonly launches: Array<number> }> = []
  launches.forEach(({ origins: [origin] }, launch) => {
    const last = stretches.at(-1)
    if (last?.kernel === origin) last.launches.push(launch)
    else stretches.push({ kernel: origin, launches: [launch] })
  })
  return stretches
}

/** Seconds of each kernel, by the GPU's own clock. */
const secondsOf = async (
  device: GPUDevice,
  kernels: number,
  stretches: ReadonlyArray<Stretch>,
  encode: Encode
): Promise<ReadonlyArray<number>> => {
  const seconds = new Array<number>(kernels).fill(0)
  for (let first = 0; first < stretches.length; first += mostPasses) {
    const part = stretches.slice(first, first + mostPasses)
    const times = await nanosecondsOf(device, part.length, (pass, i) =>
      part[i].launches.forEach((launch) => encode(pass, launch))
    )
    part.forEach(({ kernel }, i) => (seconds[kernel] += times[i] / 1e9))
  }
  return seconds
}

const oneByOne = async (
  device: GPUDevice,
  stretches: ReadonlyArray<Stretch>,
  encode: Encode,
  observe: Observe
): Promise<void> => {
  for (const { kernel, launches } of stretches) {
    const encoder = device.createCommandEncoder()
    const pass = encoder.beginComputePass()
    launches.forEach((launch) => encode(pass, launch))
    pass.end()
    device.queue.submit([encoder.finish()])
    await device.queue.onSubmittedWorkDone()
    observe(kernel)
  }
}

/** Carries all launches out, and tells `observe` of every kernel: of those that are epilogues of others, in the end. */
export const observed = (
  device: GPUDevice,
  { kernels: { kernels } }: Pick<GpuCompilation, 'kernels'>,
  launches: ReadonlyArray<Told>,
  encode: Encode,
  observe: Observe
): TE.TaskEither<DeviceError, void> => {
  const stretches = stretchesOf(launches)
  const own = new Set(stretches.map(({ kernel }) => kernel))
  return TE.tryCatch(
    async () => {
      if (device.features.has('timestamp-query')) {
        const seconds = await secondsOf(device, kernels.length, stretches, encode)
        seconds.forEach((each, k) => observe(k, each))
      } else {
        await oneByOne(device, stretches, encode, observe)
        kernels.forEach((_, k) => {
          if (!own.has(k)) observe(k)
        })
      }
    },
    (thrown) => deviceFailed(reasonOf(thrown))
  )
}
