/**
 * Layer normalisation: Ba, Kiros and Hinton 2016, https://arxiv.org/abs/1607.06450
 */

import { pipe } from 'fp-ts/lib/function.js'
import { add, mean, mul, rsqrt, square, sub, type Tensor } from '../tensor/index.js'
import { ones, parameter, zeros, type ParameterSpec } from './initialiser.js'

/** Scale and shift, both `[E]`. */
export type LayerNorm<A = Tensor> = { readonly weight: A; readonly bias: A }

export type LayerNormOptions = {
  /** Added to the variance. ELECTRA and BERT use 1e-12, PyTorch's default is 1e-5. */
  readonly eps: number
}

/** Scale 1 and shift 0 over a last axis of `width`. */
export const layerNormSpec = (width: number): LayerNorm<ParameterSpec> => ({
  weight: parameter([width], ones),
  bias: parameter([width], zeros)
})

/**
 * `y = (x - mean) / sqrt(variance + eps) * weight + bias`, over the last axis, with the biased variance (divided by E).
 *
 * In two passes, the variance from the centred values: `mean(x^2) - mean(x)^2` would lose every digit of a row whose
 * mean is large. With eps 1e-12 a nearly constant row still has its rounding noise divided by 1e-6; that is the model's
 * definition, not a fault of the arithmetic.
 *
 * Shapes: x `[..., E]`, result the same. f32.
 */
export const layerNorm =
  ({ eps }: LayerNormOptions) =>
  ({ weight, bias }: LayerNorm) =>
  (x: Tensor): Tensor => {
    const lastAxis = { axes: -1, keepDims: true } as const
    const centred = pipe(x, sub(mean(lastAxis)(x)))
    const scale = pipe(centred, square, mean(lastAxis), add(eps), rsqrt)
    return pipe(centred, mul(scale), mul(weight), add(bias))
  }
