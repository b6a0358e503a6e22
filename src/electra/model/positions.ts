/** Some positions of a batch's rows, as those that were masked: what a network says there. */

import { pipe } from 'fp-ts/lib/function.js'
import { add, arange, expandDims, mul, reshape, squeeze, take, type Tensor } from '../../tensor/index.js'

/** Rows of hidden states `[B, L, h]` at positions `[B, P]` (i32): `[B, P, h]`. */
export const gatherPositions =
  (positions: Tensor) =>
  (hidden: Tensor): Tensor => {
    const [batch, length, width] = hidden.shape
    return pipe(hidden, reshape([batch * length, width]), take(flatPositions(positions, length)))
  }

/** Positions `[B, P]` within rows of length L, as places in the flattened `[B L]`. */
export const flatPositions = (positions: Tensor, length: number): Tensor =>
  pipe(positions, add(pipe(arange(positions.shape[0]), mul(length), expandDims(1))))

/** Values `[B, L]` at positions `[B, P]` (i32): `[B, P]`. */
export const valuesAt =
  (positions: Tensor) =>
  (values: Tensor): Tensor =>
    pipe(values, expandDims(-1), gatherPositions(positions), squeeze(-1))
