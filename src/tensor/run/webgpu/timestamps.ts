/**
 * Passes timed by the GPU's own clock.
 */

import { mapMode, usage } from './usage.js'

/** A set of timestamps has at most 4,096, of which a pass has two. */
export const mostPasses = 2048

const timestampBytes = 8

/** Submits passes, which `encode` fills by their numbers, and gives the nanoseconds of each once all are done. `mostPasses` at most. */
export const nanosecondsOf = async (
  device: GPUDevice,
  passes: number,
  encode: (pass: GPUComputePassEncoder, number: number) => void
): Promise<ReadonlyArray<number>> => {
  const count = 2 * passes
  const size = timestampBytes * count
  const querySet = device.createQuerySet({ type: 'timestamp', count })
  const resolved = device.createBuffer({ size, usage: usage.queryResolve | usage.copySrc })
  const staging = device.createBuffer({ size, usage: usage.mapRead | usage.copyDst })
  try {
    const encoder = device.createCommandEncoder()
    for (let k = 0; k < passes; k++) {
      const pass = encoder.beginComputePass({
        timestampWrites: { querySet, beginningOfPassWriteIndex: 2 * k, endOfPassWriteIndex: 2 * k + 1 }
      })
      encode(pass, k)
      pass.end()
    }
    encoder.resolveQuerySet(querySet, 0, count, resolved, 0)
    encoder.copyBufferToBuffer(resolved, 0, staging, 0, size)
    device.queue.submit([encoder.finish()])
    await staging.mapAsync(mapMode.read)
    const at = new BigUint64Array(staging.getMappedRange().slice(0))
    // Clocks of some drivers step back.
    return Array.from({ length: passes }, (_, k) => Math.max(0, Number(at[2 * k + 1] - at[2 * k])))
  } finally {
    querySet.destroy()
    resolved.destroy()
    staging.destroy()
  }
}
