/** The products of a step, each distinct one once. */

import type { GpuLimits } from '../../src/tensor/program/gpu/gpu-limits.js'
import type { Contraction } from '../../src/tensor/program/kernel.js'
import type { Training } from './programs.js'
import { countsOf, type Traffic } from './traffic.js'

export const shapeOf = ({ batch, m, n, k }: Contraction): string =>
  `${batch.length > 0 ? `${batch.join(' x ')} of ` : ''}${m} x ${n} x ${k}`

/** `A` as it lies, `At` turned. */
export const layoutOf = ({ left, right }: Contraction): string =>
  `${left.column === 1 ? 'A' : 'At'} ${right.column === 1 ? 'B' : 'Bt'}`

export type OwnProduct = {
  readonly contraction: Contraction
  readonly times: number
  /** Of the arithmetic of all products. */
  readonly share: number
  readonly flopsPerByte: number
}

/** Most arithmetic first. */
export const distinct = (launches: ReadonlyArray<Traffic>): ReadonlyArray<OwnProduct> => {
  type Group = {
    readonly contraction: Contraction
    readonly times: number
    readonly flops: number
    readonly bytes: number
  }
  const groups = new Map<string, Group>()
  let total = 0
  for (const { contraction, flops, bytes } of launches) {
    if (contraction === undefined) continue
    total += flops
    const key = `${shapeOf(contraction)}, ${layoutOf(contraction)}`
    const before = groups.get(key) ?? { contraction, times: 0, flops: 0, bytes: 0 }
    groups.set(key, { ...before, times: before.times + 1, flops: before.flops + flops, bytes: before.bytes + bytes })
  }
  return [...groups.values()]
    .sort((a, b) => b.flops - a.flops)
    .map(({ contraction, times, flops, bytes }) => ({
      contraction,
      times,
      share: flops / total,
      flopsPerByte: flops / bytes
    }))
}

export const ownProducts = ({ step }: Training, limits: GpuLimits): ReadonlyArray<OwnProduct> =>
  distinct(countsOf(step.shardGrad.program, limits).kernels)
