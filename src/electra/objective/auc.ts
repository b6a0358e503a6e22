/**
 * The area under the ROC curve from histograms of logits, which add up over shards.
 */

import { pipe } from 'fp-ts/lib/function.js'
import { add, cast, clip, floor, full, mul, reshape, scatterAdd, where, type Tensor } from '../../tensor/index.js'

/** Bins of one class; logits beyond the range share the outermost bins. */
const bins = 512
const range = 12

/**
 * Counts of logits by bin: positives in the first half, negatives in the second.
 *
 * Shapes: labels, weights and logits of one shape, f32; labels and weights 0 or 1. Result `[2 * 512]`, f32. A weight of 0
 * is not counted at all, so padding does not flatter the curve.
 */
export const logitHistogram =
  (labels: Tensor, weights: Tensor) =>
  (logits: Tensor): Tensor => {
    const bin = pipe(
      logits,
      clip(-range, range),
      add(range),
      mul((bins - 1) / (2 * range)),
      add(0.5),
      floor,
      cast('i32')
    )
    const shifted = pipe(bin, where(cast('bool')(labels), add(bins)(bin)))
    const counted = pipe(shifted, where(cast('bool')(weights), full(bin.shape, -1, 'i32')), reshape([-1]))
    return pipe(full(counted.shape, 1), scatterAdd(counted, [2 * bins], 0))
  }

/**
 * The probability that a positive's logit exceeds a negative's, ties counting half (Mann-Whitney); NaN where one class is
 * missing. Exact but for logits that share a bin of width 0.047.
 */
export const aucOfHistogram = (histogram: ArrayLike<number>): number => {
  let [below, area, positives, negatives] = [0, 0, 0, 0]
  for (let bin = 0; bin < bins; bin++) {
    const [p, n] = [histogram[bin], histogram[bins + bin]]
    area += p * (below + n / 2)
    below += n
    positives += p
    negatives += n
  }
  return area / (positives * negatives)
}
