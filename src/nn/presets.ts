/**
 * Whole optimizers, from their parts.
 */

import { pipe } from 'fp-ts/lib/function.js'
import { scaleByAdam, type AdamOptions, type AdamState } from './adam.js'
import { clipByGlobalNorm } from './clip.js'
import { addDecayedWeights, isDecayed, scaleByPath } from './decay.js'
import { andThen, type Optimizer, type Stateless } from './optimizer.js'
import { descend, type Schedule } from './schedule.js'

export type ElectraAdamWOptions = {
  readonly schedule: Schedule
  /** 0.01 in every published recipe. */
  readonly weightDecay: number
}

/** All but the learning rate. */
const electraUpdates = ({ weightDecay }: ElectraAdamWOptions): Optimizer<AdamState> =>
  pipe(
    clipByGlobalNorm(1),
    andThen(scaleByAdam({ b1: 0.9, b2: 0.999, eps: 1e-6, biasCorrection: false })),
    andThen(addDecayedWeights(weightDecay, isDecayed))
  )

/**
 * ELECTRA's and BERT's AdamW: clipped to a global norm of 1, no bias correction, b1 0.9, b2 0.999, eps 1e-6 outside the
 * root, and decoupled decay of everything but biases and layer norms.
 *
 *     u = mu / (sqrt(nu) + 1e-6) + weightDecay p        p <- p - rate(step) u
 */
export const electraAdamW = (options: ElectraAdamWOptions): Optimizer<AdamState> =>
  pipe(electraUpdates(options), andThen(descend(options.schedule)))

export type ElectraFineTuningOptions = ElectraAdamWOptions & {
  /** What multiplies a parameter's learning rate, by its path: `layerwiseDecay`, for one. */
  readonly rateOf: (path: string) => number
}

/**
 * `electraAdamW` with a rate for each parameter, as ELECTRA is fine-tuned. The multiplier reaches the weight decay, too.
 *
 *     p <- p - rate(step) rateOf(path) (mu / (sqrt(nu) + 1e-6) + weightDecay p)
 *
 * Source: `optimization.py` of ELECTRA's published code.
 */
export const electraFineTuning = ({ rateOf, ...options }: ElectraFineTuningOptions): Optimizer<AdamState> =>
  pipe(electraUpdates(options), andThen(scaleByPath(rateOf)), andThen(descend(options.schedule)))

export type AdamWOptions = Omit<AdamOptions, 'biasCorrection'> & {
  readonly schedule: Schedule
  readonly weightDecay: number
  /** Which parameters decay, by path. All of them in PyTorch's default. */
  readonly isDecayedAt?: (path: string) => boolean
}

/** AdamW as usually meant, bias-corrected: `torch.optim.AdamW`. Loshchilov and Hutter 2017, https://arxiv.org/abs/1711.05101 */
export const adamW = ({ schedule, weightDecay, isDecayedAt, ...moments }: AdamWOptions): Optimizer<AdamState> =>
  pipe(
    scaleByAdam({ ...moments, biasCorrection: true }),
    andThen(addDecayedWeights(weightDecay, isDecayedAt)),
    andThen(descend(schedule))
  )

/** Stochastic gradient descent: `p <- p - rate(step) g`. */
export const sgd = (schedule: Schedule): Optimizer<Stateless> => descend(schedule)
