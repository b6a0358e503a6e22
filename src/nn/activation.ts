/**
 * Activation functions, element by element, and their names in Hugging Face configurations.
 */

import { pipe } from 'fp-ts/lib/function.js'
import { add, erf, mul, relu, sigmoid, square, tanh, type Tensor } from '../tensor/index.js'

/**
 * Gaussian error linear unit, exact form: `x Phi(x) = x / 2 (1 + erf(x / sqrt 2))`.
 *
 * Hendrycks and Gimpel 2016, https://arxiv.org/abs/1606.08415. What ELECTRA and BERT use.
 */
export const gelu = (x: Tensor): Tensor => pipe(x, mul(Math.SQRT1_2), erf, add(1), mul(0.5), mul(x))

/**
 * Gaussian error linear unit, tanh form: `x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))`.
 *
 * Differs from the exact form by at most 4.8e-4. Hugging Face calls it `gelu_new`.
 */
export const geluTanh = (x: Tensor): Tensor =>
  pipe(x, square, mul(0.044715), add(1), mul(x), mul(Math.sqrt(2 / Math.PI)), tanh, add(1), mul(0.5), mul(x))

/** Sigmoid linear unit: `x sigmoid(x)`. */
export const silu = (x: Tensor): Tensor => pipe(sigmoid(x), mul(x))

/** By the names that `hidden_act` takes in a Hugging Face `config.json`. */
export const activations = {
  gelu,
  gelu_new: geluTanh,
  relu,
  silu,
  tanh
} satisfies Record<string, (x: Tensor) => Tensor>

export type ActivationName = keyof typeof activations
