/**
 * Dynamic loss scaling: Micikevicius et al. 2017, section 3.2, https://arxiv.org/abs/1710.03740; the rule of change is that of PyTorch's
 * `GradScaler` and jmp's `DynamicLossScale`.
 *
 * Half precision has no numbers below 6e-8, and gradients are often smaller. So the loss is multiplied by a scale before it is
 * differentiated, and the gradients are divided by it. Where the scale was too large they are not finite: that step is skipped.
 * Scales are powers of two, which change no bit of a gradient but where numbers are too small or too large for its type.
 */

import { pipe } from 'fp-ts/lib/function.js'
import { invalidArgument } from '../tensor/fault.js'
import { add, and, div, full, ge, maximum, minimum, mul, not, where, type Tensor } from '../tensor/index.js'
import { zipTensors } from '../tensor/tree.js'
import { mapParams, type Params } from './params.js'

export type LossScale<A = Tensor> = {
  /** How many steps in a row have been finite at this scale. Shape `[]`, f32. */
  readonly finiteSteps: A
  /** Shape `[]`, f32. */
  readonly scale: A
}

/** How a loss scale changes. Both scales are powers of two from 1 on. */
export type LossScaling = {
  readonly initialScale: number
  /** After so many finite steps in a row it doubles. */
  readonly growthInterval: number
  /** It grows no further. */
  readonly maxScale: number
}

/** As PyTorch has it; at 2^24 a loss of 1e31 is still finite. */
export const dynamicLossScaling: LossScaling = { initialScale: 2 ** 16, growthInterval: 2000, maxScale: 2 ** 24 }

/** The scale that the first step has. Throws `InvalidArgument` for one that is no power of two from 1 to the largest. Shape `[]`. */
export const initialLossScale = ({ initialScale, maxScale }: LossScaling): Tensor => {
  const isScale = (x: number): boolean =>
    Number.isInteger(x) && x >= 1 && x < 2 ** 128 && (BigInt(x) & (BigInt(x) - 1n)) === 0n
  const wrong = [initialScale, maxScale].find((x) => !isScale(x))
  if (wrong !== undefined) throw invalidArgument('loss scale', String(wrong), 'a power of two from 1 to 2^127')
  if (initialScale > maxScale) throw invalidArgument('loss scale', String(initialScale), `at most ${maxScale}`)
  return full([], initialScale)
}

/** The gradients of a loss, from those of the loss times the scale. */
export const unscale =
  ({ scale }: Pick<LossScale, 'scale'>) =>
  (grads: Params): Params => {
    const inverse = pipe(full([], 1), div(scale))
    return mapParams((g) => pipe(g, mul(inverse)), grads)
  }

/**
 * `tree` where the condition `[]` holds, else `otherwise`: leaf by leaf, and chosen, so that nothing of the other one passes. NaN times 0
 * would.
 */
export const selectTree =
  <T>(condition: Tensor, otherwise: T) =>
  (tree: T): T =>
    zipTensors((x, other) => pipe(x, where(condition, other)), tree, otherwise) as T

/**
 * The scale of the next step: doubled after `growthInterval` finite steps, up to `maxScale`; halved after one that was not, down to 1.
 * `wasFinite` is a bool of shape `[]`.
 */
export const adjustLossScale =
  ({ growthInterval, maxScale }: LossScaling) =>
  (wasFinite: Tensor) =>
  ({ finiteSteps, scale }: LossScale): LossScale => {
    const counted = pipe(finiteSteps, add(1))
    const isDue = pipe(counted, ge(growthInterval))
    const doubled = pipe(scale, mul(2), minimum(maxScale))
    const halved = pipe(scale, mul(0.5), maximum(1))
    return {
      finiteSteps: pipe(counted, where(pipe(wasFinite, and(not(isDue))), 0)),
      scale: pipe(doubled, where(isDue, scale), where(wasFinite, halved))
    }
  }
