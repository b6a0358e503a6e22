/**
 * Weight decay and learning-rate multipliers, chosen by a parameter's path.
 */

import { pipe } from 'fp-ts/lib/function.js'
import { invalidArgument } from '../tensor/fault.js'
import { add, mul } from '../tensor/index.js'
import { stateless, type Optimizer, type Stateless } from './optimizer.js'
import { mapParams, zipParams } from './params.js'

/** BERT's and ELECTRA's rule: everything decays but layer norms and biases. */
export const isDecayed = (path: string): boolean => !/LayerNorm|layer_norm|bias/.test(path)

/**
 * Adds `rate * param` to the update of each parameter whose path is decayed.
 *
 * After the scaling by moments and before the learning rate this is decoupled decay (Loshchilov and Hutter 2017,
 * https://arxiv.org/abs/1711.05101): it enters no moment, and is multiplied by the learning rate.
 */
export const addDecayedWeights = (
  rate: number,
  isDecayedAt: (path: string) => boolean = () => true
): Optimizer<Stateless> =>
  stateless((updates, params) =>
    zipParams(
      (update, param, path) => (isDecayedAt(path) ? pipe(update, add(mul(rate)(param))) : update),
      updates,
      params
    )
  )

/** Multiplies each update by a number that its parameter's path decides. */
export const scaleByPath = (multiplier: (path: string) => number): Optimizer<Stateless> =>
  stateless((updates) => mapParams((update, path) => pipe(update, mul(multiplier(path))), updates))

export type LayerwiseDecayOptions = {
  /** The ratio d from each layer to the one above it; 0 or less gives every parameter the multiplier 1. */
  readonly decay: number
  /** The number of encoder layers, n. */
  readonly layers: number
  /** `official`, unless said: the published code's, which skips one between the head and the top layer; `plain` does not. */
  readonly exponent?: 'official' | 'plain'
}

/**
 * ELECTRA's learning-rate multipliers for fine-tuning: `d^(n + 2 - depth)`, or `d^(n + 1 - depth)` if plain.
 *
 * Depth is 0 for `embeddings` and `embeddings_project`, i + 1 for `encoder.layer.i`; everything else is the task's head and
 * gets 1. So officially the top layer gets d^2, not d: the gap is left from a pooler that was removed, and the published
 * results used it. For `scaleByPath`, placed after the weight decay, which it multiplies too.
 *
 * Throws `InvalidArgument` for the path of a layer that n does not count.
 */
export const layerwiseDecay =
  ({ decay, layers, exponent = 'official' }: LayerwiseDecayOptions) =>
  (path: string): number => {
    if (decay <= 0) return 1
    /** By multiplication: the host's power may round otherwise on another host. */
    const power = (n: number): number => Array.from({ length: n }).reduce<number>((x) => x * decay, 1)
    const top = exponent === 'official' ? layers + 2 : layers + 1
    if (/(^|\.)embeddings(_project)?\./.test(path)) return power(top)
    const layer = /(?:^|\.)encoder\.layer\.(\d+)\./.exec(path)
    if (layer === null) return 1
    const index = Number(layer[1])
    if (index >= layers) throw invalidArgument('layerwiseDecay', `'${path}'`, `a layer below ${layers}`)
    return power(top - 1 - index)
  }
