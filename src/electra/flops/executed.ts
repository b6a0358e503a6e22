/**
 * What compiled programs really compute in a training step: the arithmetic of their fused kernels, added up.
 *
 * Beside the paper's count (`training.ts`) this has the backward pass at its true price, two products for each product of the
 * forward one; the optimizer; and words looked up instead of multiplied out. Comparisons, conversions, moves and random bits are
 * no arithmetic here, random bits being counted apart. Integers count as floats do.
 */

import { flopsOf } from '../../tensor/program/cost.js'
import { fuse } from '../../tensor/program/fuse.js'
import type { FusedKernel } from '../../tensor/program/fused.js'
import { outputSpecs, type Program } from '../../tensor/program/program.js'
import { schedule } from '../../tensor/program/schedule.js'
import { wasmLimits } from '../../tensor/run/wasm/limits.js'
import { sizeOf } from '../../tensor/shape.js'
import type { Step } from '../../workers/index.js'

export type Executed = {
  /** Operations of matrix products, `2 m k n` each. */
  readonly contractions: number
  /** All others: element-wise ones, and sums. */
  readonly everythingElse: number
  /** Of 32 bits, drawn for dropout and for sampling. */
  readonly randomWords: number
}

const nothing: Executed = { contractions: 0, everythingElse: 0, randomWords: 0 }

const executedByKernel = (kernel: FusedKernel): Executed => {
  switch (kernel._tag) {
    case 'contraction':
      return { ...nothing, contractions: flopsOf(kernel, wasmLimits) }
    case 'loop':
      return { ...nothing, everythingElse: flopsOf(kernel, wasmLimits) }
    case 'panels':
      return {
        ...nothing,
        contractions: flopsOf(kernel.product, wasmLimits),
        everythingElse: flopsOf(kernel.loop, wasmLimits)
      }
    case 'random':
      return { ...nothing, randomWords: kernel.size }
  }
}

const plus = (a: Executed, b: Executed): Executed => ({
  contractions: a.contractions + b.contractions,
  everythingElse: a.everythingElse + b.everythingElse,
  randomWords: a.randomWords + b.randomWords
})

const times = (n: number, { contractions, everythingElse, randomWords }: Executed): Executed => ({
  contractions: n * contractions,
  everythingElse: n * everythingElse,
  randomWords: n * randomWords
})

/** One run of a program, on whichever device: how loops are fused and products are cut into panels changes no sum of them. */
export const executedByProgram = (program: Program): Executed =>
  fuse(schedule(program, wasmLimits), wasmLimits).kernels.map(executedByKernel).reduce(plus, nothing)

/** One step: the gradients of all shards, their sum, and the update. */
export const executedByStep = ({ shards, shardGrad, update }: Step): Executed => {
  const summed = outputSpecs(shardGrad.program).reduce((sum, { shape }) => sum + sizeOf(shape), 0)
  return [
    times(shards, executedByProgram(shardGrad.program)),
    { ...nothing, everythingElse: (shards - 1) * summed },
    executedByProgram(update.program)
  ].reduce(plus, nothing)
}

/** A step, on average over a run whose parts have the given shares of its steps. */
export const executedOnAverage = (parts: ReadonlyArray<{ readonly share: number; readonly step: Step }>): Executed =>
  parts.map(({ share, step }) => times(share, executedByStep(step))).reduce(plus, nothing)

export const executedFlops = ({ contractions, everythingElse }: Executed): number => contractions + everythingElse
