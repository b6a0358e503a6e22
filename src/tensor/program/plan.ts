/**
 * Where temporaries lie: one arena, shared by buffers that are never alive together.
 *
 * A buffer is alive from the first kernel that writes it to the last that reads or writes it. Larger buffers are placed
 * first, each at the lowest offset that no buffer alive at the same time covers. Known before anything runs: the size of
 * the arena is the working memory of the program.
 */

import { alignedTo } from '../alignment.js'
import { elementBytes, type DeviceLimits } from './device-limits.js'
import { readsOfFused, writesOfFused, type FusedProgram } from './fused.js'
import { occupancy } from './plan/occupancy.js'

export type Lifetime = { readonly buffer: number; readonly bytes: number; readonly from: number; readonly to: number }

export type Plan = {
  /** The byte offset of each buffer in the arena; `undefined` for inputs, outputs and buffers that nobody touches. */
  readonly offsets: ReadonlyArray<number | undefined>
  readonly arenaBytes: number
}

/** The temporaries that some kernel touches, with the first and last kernel that does. */
export const lifetimesOf = (program: FusedProgram, limits: DeviceLimits): ReadonlyArray<Lifetime> => {
  const spans = new Map<number, { readonly from: number; readonly to: number }>()
  program.kernels.forEach((kernel, k) => {
    for (const buffer of [...writesOfFused(kernel), ...readsOfFused(kernel)])
      if (buffer >= program.inputs + program.outputs) spans.set(buffer, { from: spans.get(buffer)?.from ?? k, to: k })
  })
  return [...spans].map(([buffer, span]) => {
    const { dtype, size } = program.buffers[buffer]
    return { buffer, bytes: size * elementBytes(dtype, limits), ...span }
  })
}

/** `looked` is told of each look at a place that may be taken: what planning costs. See `mostLooks` for `most`. */
export const plan = (
  program: FusedProgram,
  limits: DeviceLimits,
  looked: () => void = () => undefined,
  most?: number
): Plan => {
  const aligned = alignedTo(limits.alignment)
  const offsets = new Array<number | undefined>(program.buffers.length).fill(undefined)
  const { lowestGap, occupy } = occupancy(program.kernels.length, looked, most)
  let arenaBytes = 0
  const largestFirst = [...lifetimesOf(program, limits)].sort((a, b) => b.bytes - a.bytes || a.buffer - b.buffer)
  for (const { buffer, bytes, from, to } of largestFirst) {
    const start = lowestGap(from, to, aligned(bytes))
    const end = start + aligned(bytes)
    occupy(from, to, start, end)
    offsets[buffer] = start
    arenaBytes = Math.max(arenaBytes, end)
  }
  return { offsets, arenaBytes }
}
