/**
 * A run that is watched: its kernels one by one, with the seconds that each takes where the GPU keeps time.
 *
 * Each kernel is a pass of its own, with a timestamp at both ends. A GPU without timestamps is given a kernel when the one before it is
 * done, so that whoever watches can look at a clock.
 */

import * as TE from 'fp-ts/lib/TaskEither.js'
import { reasonOf } from '../../reason.js'
import type { DeviceError, Observe } from '../device.js'
import type { GpuCompilation } from './compilation.js'
import { deviceFailed } from './gpu.js'

/** Encodes a launch, by its number. */
export type Encode = (pass: GPUComputePassEncoder, launch: number) => void

/** The launches of each kernel. Some have none, and those of one follow one another. */
export const launchesByKernel = ({
  kernels: { kernels },
  launches
}: Pick<GpuCompilation, 'kernels' | 'launches'>): ReadonlyArray<ReadonlyArray<number>> => {
  const lists = kernels.map((): Array<number> => [])
  launches.forEach(({ origin }, launch) => lists[origin].push(launch))
  return lists
}

// GPUBufferUsage and GPUMapMode, of which Node has no globals.
const usages = { mapRead: 1, copySrc: 4, copyDst: 8, queryResolve: 512 } as const
const mapModeRead = 1

/** Kernels whose times are kept together: a set of timestamps has at most 4,096. */
const mostKernels = 2048

const timestampBytes = 8

/** Submits the kernels, and gives the nanoseconds at their ends once they are done. */
const stamped = async (
  device: GPUDevice,
  kernels: ReadonlyArray<ReadonlyArray<number>>,
  encode: Encode
): Promise<BigUint64Array> => {
  const count = 2 * kernels.length
  const size = timestampBytes * count
  const querySet = device.createQuerySet({ type: 'timestamp', count })
  const resolved = device.createBuffer({ size, usage: usages.queryResolve | usages.copySrc })
  const staging = device.createBuffer({ size, usage: usages.mapRead | usages.copyDst })
  try {
    const encoder = device.createCommandEncoder()
    kernels.forEach((launches, k) => {
      const pass = encoder.beginComputePass({
        timestampWrites: { querySet, beginningOfPassWriteIndex: 2 * k, endOfPassWriteIndex: 2 * k + 1 }
      })
      launches.forEach((launch) => encode(pass, launch))
      pass.end()
    })
    encoder.resolveQuerySet(querySet, 0, count, resolved, 0)
    encoder.copyBufferToBuffer(resolved, 0, staging, 0, size)
    device.queue.submit([encoder.finish()])
    await staging.mapAsync(mapModeRead)
    return new BigUint64Array(staging.getMappedRange().slice(0))
  } finally {
    querySet.destroy()
    resolved.destroy()
    staging.destroy()
  }
}

/** Seconds of each kernel, by the GPU's own clock. */
const secondsOf = async (
  device: GPUDevice,
  kernels: ReadonlyArray<ReadonlyArray<number>>,
  encode: Encode
): Promise<ReadonlyArray<number>> => {
  const busy = [...kernels.keys()].filter((k) => kernels[k].length > 0)
  const seconds = kernels.map(() => 0)
  for (let first = 0; first < busy.length; first += mostKernels) {
    const part = busy.slice(first, first + mostKernels)
    const at = await stamped(
      device,
      part.map((k) => kernels[k]),
      encode
    )
    part.forEach((k, i) => {
      // Clocks of some drivers step back.
      seconds[k] = Math.max(0, Number(at[2 * i + 1] - at[2 * i])) / 1e9
    })
  }
  return seconds
}

const oneByOne = async (
  device: GPUDevice,
  kernels: ReadonlyArray<ReadonlyArray<number>>,
  encode: Encode,
  observe: Observe
): Promise<void> => {
  for (const [k, launches] of kernels.entries()) {
    const encoder = device.createCommandEncoder()
    const pass = encoder.beginComputePass()
    launches.forEach((launch) => encode(pass, launch))
    pass.end()
    device.queue.submit([encoder.finish()])
    await device.queue.onSubmittedWorkDone()
    observe(k)
  }
}

/** Carries all launches out, and tells `observe` of every kernel. */
export const observed = (
  device: GPUDevice,
  compilation: Pick<GpuCompilation, 'kernels' | 'launches'>,
  encode: Encode,
  observe: Observe
): TE.TaskEither<DeviceError, void> => {
  const kernels = launchesByKernel(compilation)
  return TE.tryCatch(
    async () => {
      if (!device.features.has('timestamp-query')) return oneByOne(device, kernels, encode, observe)
      const seconds = await secondsOf(device, kernels, encode)
      seconds.forEach((each, k) => observe(k, each))
    },
    (thrown) => deviceFailed(reasonOf(thrown))
  )
}
