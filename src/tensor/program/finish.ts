/**
 * When the outputs of a program are finished: what can be handed on while the rest is still being computed.
 */

import type { DeviceLimits } from './device-limits.js'
import { fuse } from './fuse.js'
import { writesOfFused, type FusedProgram } from './fused.js'
import type { Program } from './program.js'
import { schedule } from './schedule.js'

/** Of each output, the last kernel that writes to it; -1 for those that have no elements. */
export const lastWrites = ({ inputs, outputs, kernels }: FusedProgram): ReadonlyArray<number> => {
  const last = new Array<number>(outputs).fill(-1)
  kernels.forEach((kernel, k) => {
    for (const buffer of writesOfFused(kernel))
      if (buffer >= inputs && buffer < inputs + outputs) last[buffer - inputs] = k
  })
  return last
}

/** The positions of a program's outputs on a device, first finished first. */
export const finishOrder = (program: Program, limits: DeviceLimits): ReadonlyArray<number> => {
  const last = lastWrites(fuse(schedule(program, limits), limits))
  return last.map((_, output) => output).sort((a, b) => last[a] - last[b] || a - b)
}
