/**
 * The update of a training state: gradients in, the next state out.
 */

import { pipe } from 'fp-ts/lib/function.js'
import {
  addDecayedWeights,
  andThen,
  applyUpdates,
  clipByGlobalNorm,
  descend,
  globalNorm,
  isDecayed,
  linearDecayWithWarmup,
  scaleByAdam,
  type AdamState,
  type Optimizer,
  type Params,
  type Schedule
} from '../../nn/index.js'
import type { Tensor } from '../../tensor/index.js'
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

export type UpdateReport<A = Tensor> = { readonly gradientNorm: A }

/** The next state, and the gradient's norm before clipping. */
export const updateWith =
  (optimizer: Optimizer<AdamState>) =>
  (state: TrainingState, grads: Params, step: Tensor): readonly [TrainingState, UpdateReport] => {
    const [updates, next] = optimizer.update(grads, state.optimizer, state.params, { step })
    return [{ optimizer: next, params: applyUpdates(state.params, updates) }, { gradientNorm: globalNorm(grads) }]
  }
