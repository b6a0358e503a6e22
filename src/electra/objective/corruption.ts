/**
 * From the generator's logits to the discriminator's input: sampling tokens, and writing them over the originals.
 */

import { pipe } from 'fp-ts/lib/function.js'
import {
  add,
  argmax,
  cast,
  div,
  full,
  gt,
  maximum,
  ne,
  reshape,
  scatterAdd,
  stopGradient,
  where,
  type Tensor
} from '../../tensor/index.js'
import { gumbel, type Key } from '../../tensor/random.js'
import { flatPositions } from '../model/positions.js'

/**
 * One token per slot from `softmax(logits / temperature)`: the argmax of the logits plus Gumbel noise.
 *
 * Noise is added to logits, not to probabilities, and in f32 (half precision breaks it). A constant for differentiation.
 * Shapes: logits `[..., V]`; result `[...]`, i32. Source: electra/util, `sample_from_softmax`.
 */
export const sampleTokens =
  (temperature: number, key: Key) =>
  (logits: Tensor): Tensor =>
    pipe(stopGradient(logits), div(temperature), add(gumbel(logits.shape)(key)), argmax(-1))

export type Corrupted = {
  /** `[b, L]`, i32. */
  readonly ids: Tensor
  /** 1 where the token now differs from the original, else 0 `[b, L]`, f32. A sample that equals its original is 0. */
  readonly labels: Tensor
  /** 1 at each position that was written, whatever with, else 0 `[b, L]`, f32. */
  readonly selected: Tensor
}

/**
 * Writes sampled tokens over the originals at the masked positions.
 *
 * Several writes to one position leave the floor of their mean, as the original code does when it draws positions with
 * replacement; without replacement each position has one write, and gets exactly its sample. Position 0 is never written:
 * it is always [CLS], and marks an unused slot.
 *
 * Shapes: original `[b, L]`, positions and sampled `[b, P]`; all i32.
 */
export const corrupt =
  (positions: Tensor, sampled: Tensor) =>
  (original: Tensor): Corrupted => {
    const [batch, length] = original.shape
    // An index of -1 adds nowhere.
    const places = pipe(flatPositions(positions, length), where(gt(0)(positions), -1), reshape([-1]))
    const into = (values: Tensor): Tensor =>
      pipe(values, reshape([-1]), scatterAdd(places, [batch * length], 0), reshape([batch, length]))
    const writes = into(full(sampled.shape, 1, 'i32'))
    const written = pipe(into(sampled), div(maximum(1)(writes)))
    const ids = pipe(written, where(gt(0)(writes), original))
    return {
      ids,
      labels: pipe(full(original.shape, 1), where(ne(original)(ids), 0)),
      selected: pipe(writes, gt(0), cast('f32'))
    }
  }
