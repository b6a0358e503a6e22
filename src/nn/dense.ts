/**
 * The affine map over the last axis.
 */

import { pipe } from 'fp-ts/lib/function.js'
import { add, dotGeneral, type Tensor } from '../tensor/index.js'
import { parameter, bertNormal, zeros, type Initialiser, type ParameterSpec } from './initialiser.js'

/** `weight` is `[out, in]`, as PyTorch and Hugging Face store it; `bias` is `[out]`. */
export type Dense<A = Tensor> = { readonly weight: A; readonly bias: A }

export type DenseSize = { readonly inputs: number; readonly outputs: number }

/** A dense layer's parameters: `weight` drawn by the given initialiser, `bertNormal` unless said; `bias` 0. */
export const denseSpec = ({ inputs, outputs }: DenseSize, weight: Initialiser = bertNormal): Dense<ParameterSpec> => ({
  weight: parameter([outputs, inputs], weight),
  bias: parameter([outputs], zeros)
})

/**
 * `y = x weight^T + bias` over the last axis. No transposed weight is made: the contraction pairs the two `in` axes.
 *
 * Shapes: x `[..., in]`, result `[..., out]`. f32. Throws `ShapeMismatch` where x's last axis is not `in`.
 */
export const dense =
  ({ weight, bias }: Dense) =>
  (x: Tensor): Tensor =>
    pipe(x, dotGeneral({ contract: { left: [-1], right: [1] } }, weight), add(bias))
