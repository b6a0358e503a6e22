/**
 * Answers that are spans of a text: where they start and end, and whether there is one.
 *
 * A row is [CLS] question [SEP] text [SEP]. Allowed positions are those of segment 1 and [CLS], which stands for no answer; the logits
 * of all others are lowered by 1000.
 *
 *     official       start:          s_t = H_t w + b
 *                    end, given start i:       gelu([H_i ; H_t] W1 + b1) w2 + b2
 *                    impossible:     gelu([H_0 ; sum_t softmax(s)_t H_t] W3 + b3) w4 + b4
 *     huggingface    start and end:  H_t W + b, each by itself         ElectraForQuestionAnswering
 *
 * In training the end is asked for the right start, in prediction for each of the likeliest. Only the second head can be written for
 * transformers, which has no class for the first. Its own loss leaves all positions allowed; here those of the question and the
 * padding are not, as in the published code's independent mode.
 */

import { pipe } from 'fp-ts/lib/function.js'
import {
  dense,
  denseSpec,
  gelu,
  glorotUniform,
  sigmoidCrossEntropy,
  softmaxCrossEntropy,
  truncatedNormal,
  type Dense,
  type ParameterSpec
} from '../../../nn/index.js'
import {
  add,
  cast,
  concat,
  dotGeneral,
  eq,
  expandDims,
  iota,
  logSoftmax,
  matmul,
  mul,
  or,
  slice,
  softmax,
  split,
  squeeze,
  sub,
  sum,
  type Tensor
} from '../../../tensor/index.js'
import { spec } from '../../../tensor/program/trace.js'
import type { Key } from '../../../tensor/random.js'
import type { TokenInputs } from '../../model/body.js'

import {
  electraSpec,
  hiddenStates,
  shardOf,
  tokensSpec,
  type NetworkSize,
  type TaskModel,
  type TaskNetwork
} from './task-network.js'
import { topK } from './top-k.js'
import { gatherPositions } from '../../model/positions.js'

/** A layer with gelu, then one number. */
type Scorer<A> = { readonly dense: Dense<A>; readonly out_proj: Dense<A> }

export type JointSpanHead<A = Tensor> = {
  readonly start_predictions: Dense<A>
  readonly end_predictions: Scorer<A>
  readonly answerability_predictions: Scorer<A>
}

export type IndependentSpanHead<A = Tensor> = {
  /** `[2, h]`: starts, then ends. */
  readonly qa_outputs: Dense<A>
}

export type JointSpanOptions = NetworkSize & {
  /** Of the layers that judge pairs: 512 in the published code. */
  readonly pairSize: number
  /** How many starts are tried, and how many ends of each: 20. */
  readonly beamSize: number
  /** Of whether there is an answer, in the loss: 0.5. */
  readonly answerabilityWeight: number
}

/** All `[b]`. */
export type SpanTargets = {
  /** First and last position of the answer, i32; 0 and 0 where the row does not hold it. */
  readonly starts: Tensor
  readonly ends: Tensor
  /** 1 where the question has no answer, else 0; f32. */
  readonly impossible: Tensor
  /** 1, or 0 for a row that only fills a batch up; f32. */
  readonly weights: Tensor
}

/** Logits of starts and ends, both `[b, L]`; those of the joint head's ends are given the right start. */
export type SpanLogits = { readonly startLogits: Tensor; readonly endLogits: Tensor }

export type JointSpanOutputs = SpanLogits & {
  /** The logit of *no answer* `[b]`. */
  readonly answerability: Tensor
}

/** K starts and for each K ends, the likeliest first; their logarithms of probabilities. */
export type SpanBeams = {
  /** `[b, K]`, i32. */
  readonly starts: Tensor
  /** `[b, K]`, f32. */
  readonly startLogProbs: Tensor
  /** `[b, K, K]`, i32. */
  readonly ends: Tensor
  /** `[b, K, K]`, f32. */
  readonly endLogProbs: Tensor
  /** The logit of *no answer* `[b]`. */
  readonly answerability: Tensor
}

const scorerSpec = (inputs: number, width: number): Scorer<ParameterSpec> => ({
  dense: denseSpec({ inputs, outputs: width }, glorotUniform),
  out_proj: denseSpec({ inputs: width, outputs: 1 }, glorotUniform)
})

export const jointSpanHeadSpec = ({ model, pairSize }: JointSpanOptions): JointSpanHead<ParameterSpec> => ({
  start_predictions: denseSpec({ inputs: model.hiddenSize, outputs: 1 }, glorotUniform),
  end_predictions: scorerSpec(2 * model.hiddenSize, pairSize),
  answerability_predictions: scorerSpec(2 * model.hiddenSize, pairSize)
})

export const independentSpanHeadSpec = ({ model }: NetworkSize): IndependentSpanHead<ParameterSpec> => ({
  qa_outputs: denseSpec({ inputs: model.hiddenSize, outputs: 2 }, truncatedNormal(model.initializerRange))
})

/** 0 at allowed positions, -1000 elsewhere. `[b, L]`, f32. */
const penalties = ({ mask, types }: TokenInputs): Tensor => {
  const isText = pipe(mask, mul(types), cast('bool'))
  return pipe(iota(mask.shape, 1), eq(0), or(isText), cast('f32'), sub(1), mul(1000))
}

/**
 * The scorer's value of `[first ; second]` for every pair. The layer's two halves are applied before the pairs are made, so that no
 * pair of hidden states is ever stored.
 *
 * Shapes: first `[b, k, h]`, second `[b, n, h]`; result `[b, k, n]`.
 */
const scorePairs = (scorer: Scorer<Tensor>, first: Tensor, second: Tensor): Tensor => {
  const [left, right] = split(2, 1)(scorer.dense.weight)
  const over = dotGeneral({ contract: { left: [-1], right: [1] } }, right)(second)
  return pipe(
    dense({ weight: left, bias: scorer.dense.bias })(first),
    expandDims(2),
    add(expandDims(1)(over)),
    gelu,
    mul(squeeze(0)(scorer.out_proj.weight)),
    sum({ axes: -1 }),
    add(scorer.out_proj.bias)
  )
}

const startLogits = (head: JointSpanHead, inputs: TokenInputs, hidden: Tensor): Tensor =>
  pipe(hidden, dense(head.start_predictions), squeeze(-1), add(penalties(inputs)))

/** Logits of ends for each of some starts. Shapes: starts `[b, k]` (i32), hidden `[b, L, h]`; result `[b, k, L]`. */
const endLogitsGiven = (head: JointSpanHead, inputs: TokenInputs, starts: Tensor, hidden: Tensor): Tensor =>
  pipe(scorePairs(head.end_predictions, gatherPositions(starts)(hidden), hidden), add(expandDims(1)(penalties(inputs))))

/** The logit that there is no answer. Shapes: logits `[b, L]`, hidden `[b, L, h]`; result `[b]`. */
const answerability = (head: JointSpanHead, logits: Tensor, hidden: Tensor): Tensor => {
  const first = slice([null, [0, 1]])(hidden)
  const expected = pipe(logits, softmax(-1), expandDims(1), matmul(hidden))
  const { dense: layer, out_proj } = head.answerability_predictions
  return pipe(concat(2)([first, expected]), dense(layer), gelu, dense(out_proj), squeeze(2), squeeze(1))
}

/** Cross entropy of each row's position. Shapes: positions `[b]`, logits `[b, L]`; result `[b]`. */
const positionLoss = ({ startLogits: starts, endLogits: ends }: SpanLogits, targets: SpanTargets): Tensor =>
  pipe(softmaxCrossEntropy(targets.starts)(starts), add(softmaxCrossEntropy(targets.ends)(ends)), mul(0.5))

const spanBatchSpec = (examples: number, length: number): TokenInputs & SpanTargets => ({
  ...tokensSpec(examples, length),
  starts: spec([examples], 'i32'),
  ends: spec([examples], 'i32'),
  impossible: spec([examples]),
  weights: spec([examples])
})

/**
 * The published code's head: ends that depend on starts, and answerability, which counts for questions that all have answers, too.
 *
 *     loss = (CE(start) + CE(end | start)) / 2 + answerabilityWeight BCE(impossible)
 */
export const jointSpans = (
  options: JointSpanOptions
): TaskNetwork<TokenInputs, SpanTargets, JointSpanOutputs, SpanBeams> => ({
  parameters: { ...electraSpec(options), ...jointSpanHeadSpec(options) },
  batchSpec: spanBatchSpec,
  shardLoss: (params, batch, denominator, key) => {
    const model = params as TaskModel<JointSpanHead>
    const hidden = hiddenStates(options, model, batch, key)
    const starts = startLogits(model, batch, hidden)
    const ends = squeeze(1)(endLogitsGiven(model, batch, expandDims(1)(batch.starts), hidden))
    const outputs = { startLogits: starts, endLogits: ends, answerability: answerability(model, starts, hidden) }
    const impossible = pipe(
      outputs.answerability,
      sigmoidCrossEntropy(batch.impossible),
      mul(options.answerabilityWeight)
    )
    return {
      loss: pipe(positionLoss(outputs, batch), add(impossible), shardOf(batch.weights, denominator)),
      outputs
    }
  },
  predict: (params, inputs) => {
    const model = params as TaskModel<JointSpanHead>
    const hidden = hiddenStates(options, model, inputs, undefined)
    const logits = startLogits(model, inputs, hidden)
    const starts = pipe(logits, logSoftmax(-1), topK(options.beamSize))
    const ends = pipe(endLogitsGiven(model, inputs, starts.indices, hidden), logSoftmax(-1), topK(options.beamSize))
    return {
      starts: starts.indices,
      startLogProbs: starts.values,
      ends: ends.indices,
      endLogProbs: ends.values,
      answerability: answerability(model, logits, hidden)
    }
  }
})

/**
 * What `ElectraForQuestionAnswering` computes: logits of starts and of ends, of all positions.
 *
 * Shapes: hidden `[b, L, h]`; results `[b, L]`. f32.
 */
export const independentSpanLogits =
  ({ qa_outputs }: IndependentSpanHead) =>
  (hidden: Tensor): SpanLogits => {
    const [starts, ends] = split(2, -1)(dense(qa_outputs)(hidden))
    return { startLogits: squeeze(-1)(starts), endLogits: squeeze(-1)(ends) }
  }

/** BERT's head: starts and ends each by themselves, half the sum of their cross entropies. Without an answer both are at [CLS]. */
export const independentSpans = (options: NetworkSize): TaskNetwork<TokenInputs, SpanTargets, SpanLogits> => {
  const logitsOf = (params: unknown, inputs: TokenInputs, key?: Key): SpanLogits => {
    const model = params as TaskModel<IndependentSpanHead>
    const logits = independentSpanLogits(model)(hiddenStates(options, model, inputs, key))
    const lowered = add(penalties(inputs))
    return { startLogits: lowered(logits.startLogits), endLogits: lowered(logits.endLogits) }
  }
  return {
    parameters: { ...electraSpec(options), ...independentSpanHeadSpec(options) },
    batchSpec: spanBatchSpec,
    shardLoss: (params, batch, denominator, key) => {
      const outputs = logitsOf(params, batch, key)
      return { loss: pipe(positionLoss(outputs, batch), shardOf(batch.weights, denominator)), outputs }
    },
    predict: (params, inputs) => logitsOf(params, inputs)
  }
}
