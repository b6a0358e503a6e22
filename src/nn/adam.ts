/**
 * Adam's scaling of gradients by their moments: Kingma and Ba 2014, https://arxiv.org/abs/1412.6980
 */

import { pipe } from 'fp-ts/lib/function.js'
import { add, cast, div, expm1, full, log1p, mul, neg, sqrt, square, zeros, type Tensor } from '../tensor/index.js'
import type { Optimizer } from './optimizer.js'
import { mapParams, zipParams, type Params } from './params.js'

/** Running means of the gradients and of their squares. */
export type AdamState<P extends Params = Params> = { readonly mu: P; readonly nu: P }

export type AdamOptions = {
  readonly b1: number
  readonly b2: number
  /** Added to the root of `nu`, outside it. */
  readonly eps: number
  /** Divide the moments by `1 - b^t`, which undoes their start at 0. ELECTRA and BERT do not. */
  readonly biasCorrection: boolean
}

/** `decay state + (1 - decay) value`, leaf by leaf. */
const runningMean = <P extends Params>(decay: number, state: P, values: P): P =>
  zipParams((m, x) => pipe(m, mul(decay), add(mul(1 - decay)(x))), state, values)

/**
 * `1 - b^(step + 1)` as `-expm1((step + 1) log1p(b - 1))`, which keeps its digits where b is near 1. All of it on the device:
 * the host's logarithm may round otherwise on another host.
 */
const correction = (b: number, step: Tensor): Tensor =>
  pipe(step, cast('f32'), add(1), mul(log1p(full([], b - 1))), expm1, neg)

/**
 * Divides each update by the root of its running mean square.
 *
 *     mu <- b1 mu + (1 - b1) g        nu <- b2 nu + (1 - b2) g^2
 *     u  =  (mu / c1) / (sqrt(nu / c2) + eps)
 *
 * with `c = 1 - b^(step + 1)` under bias correction (PyTorch's Adam), and `c = 1` without: then the first steps are up to
 * 6.6 times as long, which a warm-up hides. The moments start at 0.
 */
export const scaleByAdam = ({ b1, b2, eps, biasCorrection }: AdamOptions): Optimizer<AdamState> => ({
  init: (params) => {
    const zero = mapParams((x) => zeros(x.shape), params)
    return { mu: zero, nu: zero }
  },
  update: (updates, state, _, { step }) => {
    const mu = runningMean(b1, state.mu, updates)
    const nu = runningMean(b2, state.nu, mapParams(square, updates))
    const [c1, c2] = biasCorrection ? [correction(b1, step), correction(b2, step)] : [1, 1]
    const scaled = zipParams((m, v) => pipe(m, div(c1), div(pipe(v, div(c2), sqrt, add(eps)))), mu, nu)
    return [scaled, { mu, nu }]
  }
})
