/**
 * Learning rates as functions of the step count.
 */

import { pipe } from 'fp-ts/lib/function.js'
import { invalidArgument } from '../tensor/fault.js'
import { cast, div, full, minimum, mul, neg, pow, sub, type Tensor } from '../tensor/index.js'
import { stateless, type Optimizer, type Stateless } from './optimizer.js'
import { mapParams } from './params.js'

/** One function twice: in the graph, where the step is an input, and on the host, in double precision, for reports. */
export type Schedule = {
  /** Step `[]` (f32 or i32) to rate `[]` (f32). */
  readonly inGraph: (step: Tensor) => Tensor
  readonly onHost: (step: number) => number
}

export const constantRate = (rate: number): Schedule => ({ inGraph: () => full([], rate), onHost: () => rate })

export type LinearDecayOptions = {
  /** The rate at step 0 if there were no warm-up. Never quite reached with one. */
  readonly rate: number
  /** The step T from which the rate is 0. */
  readonly total: number
  /** The length W of the warm-up in steps; 0 for none. */
  readonly warmup: number
  /** The exponent q of the decay. 1 is linear. */
  readonly power: number
}

/**
 * ELECTRA's schedule: polynomial decay to 0, times a linear warm-up.
 *
 *     rate(t) = rate (1 - min(t, T) / T)^q min(1, t / W)
 *
 * t counts the updates already done, so with a warm-up the first update has rate 0. The two are multiplied, not joined:
 * the peak is `rate (1 - W / T)^q`, at W. Computed as `(T - min(t, T)) / T`, whose difference is exact in f32 for t and T
 * up to 2^24, so the rate keeps its digits to the last step.
 *
 * Throws `InvalidArgument` unless T > 0 and W >= 0.
 */
export const linearDecayWithWarmup = ({ rate, total, warmup, power }: LinearDecayOptions): Schedule => {
  if (!(total > 0)) throw invalidArgument('linearDecayWithWarmup', `total ${total}`, 'a total above 0')
  if (!(warmup >= 0)) throw invalidArgument('linearDecayWithWarmup', `warmup ${warmup}`, 'a warm-up of 0 or more steps')
  return {
    inGraph: (step) => {
      const t = cast('f32')(step)
      const left = pipe(full([], total), sub(minimum(total)(t)), div(total))
      const decayed = pipe(power === 1 ? left : pipe(left, pow(power)), mul(rate))
      return warmup === 0 ? decayed : pipe(decayed, mul(pipe(t, div(warmup), minimum(1))))
    },
    onHost: (t) => {
      const left = (total - Math.min(t, total)) / total
      const decayed = rate * (power === 1 ? left : Math.pow(left, power))
      return warmup === 0 ? decayed : decayed * Math.min(1, t / warmup)
    }
  }
}

/** Multiplies updates by `-rate(step)`: the last part of a chain, after which they are steps downhill. */
export const descend = (schedule: Schedule): Optimizer<Stateless> =>
  stateless((updates, _, { step }) => {
    const factor = neg(schedule.inGraph(step))
    return mapParams((update) => pipe(update, mul(factor)), updates)
  })
