/**
 * What kernels do and take, added up and held against what the machine can do.
 */

import { bytesOf, flopsOf } from '../../tensor/program/cost.js'
import type { DeviceLimits } from '../../tensor/program/device-limits.js'
import { describeKernel } from '../../tensor/program/explain.js'
import type { FusedKernel, FusedProgram } from '../../tensor/program/fused.js'
import type { Limits } from './limits.js'

export type Cost = {
  readonly kernels: number
  readonly flops: number
  readonly bytes: number
  readonly seconds: number
}

/** Kernels that compute the same thing of arrays of the same sizes. */
export type KernelGroup = Cost & {
  readonly kind: FusedKernel['_tag']
  readonly what: string
}

export const totalOf = (costs: ReadonlyArray<Cost>): Cost =>
  costs.reduce(
    (sum, cost) => ({
      kernels: sum.kernels + cost.kernels,
      flops: sum.flops + cost.flops,
      bytes: sum.bytes + cost.bytes,
      seconds: sum.seconds + cost.seconds
    }),
    { kernels: 0, flops: 0, bytes: 0, seconds: 0 }
  )

/** `seconds[k]` is what kernel `k` takes. The groups that take longest come first. `halves` are the buffers stored as float16. */
export const groupKernels = (
  program: FusedProgram & { readonly halves?: ReadonlySet<number> },
  limits: DeviceLimits,
  seconds: ReadonlyArray<number>
): ReadonlyArray<KernelGroup> => {
  const groups = new Map<string, KernelGroup>()
  program.kernels.forEach((kernel, k) => {
    const [flops, bytes] = [flopsOf(kernel, limits), bytesOf(kernel, program, limits)]
    const what = describeKernel(kernel)
    const key = `${what} ${flops} ${bytes}`
    const cost = { kernels: 1, flops, bytes, seconds: seconds[k] }
    const before = groups.get(key)
    groups.set(key, { kind: kernel._tag, what, ...(before === undefined ? cost : totalOf([before, cost])) })
  })
  return [...groups.values()].sort((a, b) => b.seconds - a.seconds)
}

/**
 * The share of the machine's limit that is reached: of its arithmetic or of its bandwidth, whichever is larger. Above 1
 * where what is read and written was still in a cache.
 */
export const shareOfLimit = ({ flopsPerSecond, bytesPerSecond }: Limits, { flops, bytes, seconds }: Cost): number =>
  Math.max(flops / flopsPerSecond, bytes / bytesPerSecond) / seconds
