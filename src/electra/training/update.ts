/**
 * The update of a training state: gradients in, the next state out.
 */

import { pipe } from 'fp-ts/lib/function.js'
import {
  addDecayedWeights,
  adjustLossScale,
  andThen,
  applyUpdates,
  clipByGlobalNorm,
  descend,
  dynamicLossScaling,
  globalNorm,
  isDecayed,
  linearDecayWithWarmup,
  scaleByAdam,
  selectTree,
  unscale,
  type AdamState,
  type LossScale,
  type LossScaling,
  type Optimizer,
  type Params,
  type Schedule
} from '../../nn/index.js'
import { lt, type Tensor } from '../../tensor/index.js'
import type { OptimizerConfig } from '../config/config.js'
import type { TrainingState } from './problem.js'

export const scheduleOf = (optimizer: OptimizerConfig, totalSteps: number): Schedule =>
  linearDecayWithWarmup({
    rate: optimizer.learningRate,
    total: totalSteps,
    warmup: Math.min(optimizer.warmupSteps, totalSteps),
    power: optimizer.decayPower
  })

/** Clipping by the global norm, Adam without bias correction, decoupled weight decay, as the original code has them. */
export const optimizerOf = (o: OptimizerConfig, schedule: Schedule): Optimizer<AdamState> =>
  pipe(
    clipByGlobalNorm(o.clipNorm),
    andThen(scaleByAdam({ b1: o.b1, b2: o.b2, eps: o.eps, biasCorrection: false })),
    andThen(addDecayedWeights(o.weightDecay, isDecayed)),
    andThen(descend(schedule))
  )

/** `lossScale` is the scale of this step's loss, where losses are scaled. */
export type UpdateReport<A = Tensor> = { readonly gradientNorm: A; readonly lossScale?: A }

type Updated = readonly [TrainingState, UpdateReport]

type Moments = { readonly optimizer: AdamState; readonly params: Params }

/** Where the gradients are finite the update; where they are not all as it was, to the last bit, and a smaller scale. */
const unlessOverflown =
  (scaling: LossScaling, lossScale: LossScale, now: Moments) =>
  ([next, { gradientNorm }]: readonly [Moments, UpdateReport]): Updated => {
    // Norms are at least 0, and NaN is less than nothing.
    const isFinite = pipe(gradientNorm, lt(Infinity))
    const { optimizer, params } = selectTree(isFinite, now)(next)
    return [
      { optimizer: { ...optimizer, lossScale: adjustLossScale(scaling)(isFinite)(lossScale) }, params },
      { gradientNorm, lossScale: lossScale.scale }
    ]
  }

/**
 * The next state, and the gradient's norm before clipping. Where the state has a loss scale, the gradients are those of a loss times
 * that, the norm is that of the loss alone, and a step whose norm is not finite is skipped.
 */
export const updateWith =
  (optimizer: Optimizer<AdamState>, scaling = dynamicLossScaling) =>
  ({ optimizer: { lossScale, ...moments }, params }: TrainingState, given: Params, step: Tensor): Updated => {
    const grads = lossScale === undefined ? given : unscale(lossScale)(given)
    const [updates, next] = optimizer.update(grads, moments, params, { step })
    const updated = [
      { optimizer: next, params: applyUpdates(params, updates) },
      { gradientNorm: globalNorm(grads) }
    ] as const
    return lossScale === undefined
      ? updated
      : unlessOverflown(scaling, lossScale, { optimizer: moments, params })(updated)
  }
