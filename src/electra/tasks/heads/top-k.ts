/**
 * The largest elements of rows, in order: what a beam keeps.
 */

import { pipe } from 'fp-ts/lib/function.js'
import { argmax, expandDims, iota, max, ne, stack, where, type Tensor } from '../../../tensor/index.js'

export type TopK = {
  /** From the largest on `[..., k]`, f32. */
  readonly values: Tensor
  /** Where they stand along the last axis `[..., k]`, i32. Of equal ones the first comes first. */
  readonly indices: Tensor
}

/** Below every logarithm of a probability that a finite logit gives, and finite. */
const taken = -3e38

/**
 * The k largest along the last axis, found one after another: k passes over the rows, which is little beside what made them.
 *
 * Shapes: x `[..., n]`, values above -3e38; results `[..., min(k, n)]`. Not meant to be differentiated.
 */
export const topK =
  (k: number) =>
  (x: Tensor): TopK => {
    const count = Math.min(k, x.shape[x.shape.length - 1])
    const places = iota(x.shape, -1)
    const found: Array<{ readonly value: Tensor; readonly index: Tensor }> = []
    let rest = x
    for (let i = 0; i < count; i++) {
      const index = argmax(-1)(rest)
      found.push({ value: max({ axes: -1 })(rest), index })
      rest = where(pipe(places, ne(expandDims(-1)(index))), taken)(rest)
    }
    return { values: stack(-1)(found.map(({ value }) => value)), indices: stack(-1)(found.map(({ index }) => index)) }
  }
