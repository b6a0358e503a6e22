/**
 * Losses of single predictions, and how they are counted and averaged.
 *
 * Predictions and truths must have one shape exactly: nothing is broadcast between them. A mean divides by a weight sum
 * that can be given from outside, so that the shards of a batch divide by the whole batch's.
 */

import { pipe } from 'fp-ts/lib/function.js'
import {
  add,
  argmax,
  cast,
  div,
  eq,
  expandDims,
  gt,
  iota,
  logSoftmax,
  mul,
  neg,
  softplus,
  sub,
  sum,
  where,
  type Shape,
  type Tensor
} from '../tensor/index.js'
import { dtypeMismatch, invalidArgument, shapeMismatch } from '../tensor/fault.js'
import { equalShapes } from '../tensor/shape.js'

const expectShape = (op: string, found: Shape, expected: Shape): void => {
  if (!equalShapes(found, expected)) throw shapeMismatch(op, found, expected)
}

const expectClasses = (op: string, labels: Tensor, logits: Tensor): void => {
  if (logits.shape.length === 0) throw invalidArgument(op, 'logits of rank 0', 'logits [..., classes]')
  if (labels.dtype !== 'i32')
    throw dtypeMismatch(op, [labels.dtype], "i32 labels: tensor(labels, { dtype: 'i32' }), or cast('i32')")
  expectShape(op, labels.shape, logits.shape.slice(0, -1))
}

/**
 * Cross entropy of a categorical distribution, for each integer label.
 *
 *     loss = -log softmax(logits)[label] = log(sum_v exp(logits_v - max)) - (logits_label - max)
 *
 * The label's term is picked by comparing an iota with the label, which fuses with the softmax and whose gradient needs
 * no scatter. Finite while the differences of the logits are.
 *
 * Shapes: labels `[...s]` (i32), logits `[...s, V]`; result `[...s]`, nats, f32. A label outside `[0, V)` gives 0.
 * Throws `ShapeMismatch` where the labels are not the logits' leading axes, and `DTypeMismatch` where they are not i32.
 */
export const softmaxCrossEntropy =
  (labels: Tensor) =>
  (logits: Tensor): Tensor => {
    expectClasses('softmaxCrossEntropy', labels, logits)
    const isLabel = pipe(iota(logits.shape, -1), eq(expandDims(-1)(labels)))
    return pipe(logits, logSoftmax(-1), where(isLabel, 0), sum({ axes: -1 }), neg)
  }

/**
 * Cross entropy of a Bernoulli with the given logit.
 *
 *     loss = softplus(x) - x z = max(x, 0) - x z + log(1 + exp(-|x|))
 *
 * Equals `-z log s(x) - (1 - z) log(1 - s(x))` with `s` the sigmoid, and stays finite for every finite x.
 *
 * Shapes: labels `[...s]` (f32, in [0, 1]), logits `[...s]`; result `[...s]`, nats, f32.
 * Throws `ShapeMismatch` where the two shapes differ.
 * Source: the discriminator's loss of ELECTRA, Clark et al. 2020, section 2, https://arxiv.org/abs/2003.10555
 */
export const sigmoidCrossEntropy =
  (labels: Tensor) =>
  (logits: Tensor): Tensor => {
    expectShape('sigmoidCrossEntropy', labels.shape, logits.shape)
    return pipe(softplus(logits), sub(mul(labels)(logits)))
  }

/** `sum(weights values)`. Shapes: both `[...s]`, f32; result `[]`. Throws `ShapeMismatch` where they differ. */
export const weightedSum =
  (weights: Tensor) =>
  (values: Tensor): Tensor => {
    expectShape('weightedSum', weights.shape, values.shape)
    return pipe(values, mul(weights), sum())
  }

/**
 * `sum(weights values) / (total + 1e-6)`: 0 where every weight is 0. The 1e-6 is ELECTRA's.
 *
 * `total` is the sum of these weights unless given: the weight sum of the whole batch, where these are those of one shard.
 *
 * Shapes: weights and values `[...s]`, total `[]`; f32; result `[]`. Throws `ShapeMismatch` where they differ.
 */
export const weightedMean =
  (weights: Tensor, total: Tensor = sum()(weights)) =>
  (values: Tensor): Tensor => {
    expectShape('weightedMean', total.shape, [])
    return pipe(values, weightedSum(weights), div(add(1e-6)(total)))
  }

/**
 * 1 where the largest logit is the label's, else 0; the first of equal logits counts. For use with `weightedMean`.
 *
 * Shapes: labels `[...s]` (i32), logits `[...s, V]`; result `[...s]`, f32.
 */
export const categoricalHits =
  (labels: Tensor) =>
  (logits: Tensor): Tensor => {
    expectClasses('categoricalHits', labels, logits)
    return pipe(logits, argmax(-1), eq(labels), cast('f32'))
  }

/**
 * 1 where the logit's sign says what the label says, else 0: above 0 means 1, and exactly 0 means 0.
 *
 * Shapes: labels `[...s]` (f32, 0 or 1), logits `[...s]`; result `[...s]`, f32.
 */
export const binaryHits =
  (labels: Tensor) =>
  (logits: Tensor): Tensor => {
    expectShape('binaryHits', labels.shape, logits.shape)
    return pipe(logits, gt(0), cast('f32'), eq(labels), cast('f32'))
  }
