/**
 * Sentences and pairs of sentences: a class, or a number.
 *
 * Both read the hidden state of [CLS], `x`:
 *
 *     official       dropout(x) W + b
 *     huggingface    dropout(gelu(dropout(x) W1 + b1)) W2 + b2         ElectraForSequenceClassification
 *
 * Only the second can be written for transformers, which has no class for the first.
 */

import { pipe } from 'fp-ts/lib/function.js'
import {
  dense,
  denseSpec,
  dropout,
  gelu,
  glorotUniform,
  softmaxCrossEntropy,
  truncatedNormal,
  type Dense,
  type ParameterSpec
} from '../../../nn/index.js'
import { slice, square, squeeze, sub, type Tensor } from '../../../tensor/index.js'
import { spec } from '../../../tensor/program/trace.js'
import type { Key } from '../../../tensor/random.js'
import type { TokenInputs } from '../../model/body.js'
import type { HeadKind } from '../../store/models/hf-task-config.js'
import {
  electraSpec,
  hiddenStates,
  keyOf,
  shardOf,
  tokensSpec,
  type NetworkSize,
  type TaskModel,
  type TaskNetwork
} from './task-network.js'

export type OfficialSentenceHead<A = Tensor> = { readonly classifier: Dense<A> }

export type HuggingFaceSentenceHead<A = Tensor> = {
  readonly classifier: { readonly dense: Dense<A>; readonly out_proj: Dense<A> }
}

export type SentenceHead<A = Tensor> = OfficialSentenceHead<A> | HuggingFaceSentenceHead<A>

export type SentenceNetworkOptions = NetworkSize & {
  readonly head: HeadKind
  /** Of the head. 0.1 in the published code, and in transformers unless `classifier_dropout` is set. */
  readonly dropout: number
}

/** What each example should give, and how much it counts: 1, or 0 for one that only fills a batch up. Both `[b]`; weights f32. */
export type SentenceTargets<A = Tensor> = {
  /** Classes (i32), or values that `scaled` made (f32). */
  readonly labels: A
  readonly weights: A
}

/** Logits of each class `[b, c]`. */
export type SentenceLogits = { readonly logits: Tensor }

/** The scaled value of each example `[b]`. */
export type SentenceValues = { readonly values: Tensor }

/** The published code draws its head by Glorot's rule, transformers its own from a normal distribution. */
export const sentenceHeadSpec = (
  { model, head }: SentenceNetworkOptions,
  outputs: number
): SentenceHead<ParameterSpec> => {
  const inputs = model.hiddenSize
  const normal = truncatedNormal(model.initializerRange)
  switch (head) {
    case 'official':
      return { classifier: denseSpec({ inputs, outputs }, glorotUniform) }
    case 'huggingface':
      return {
        classifier: {
          dense: denseSpec({ inputs, outputs: inputs }, normal),
          out_proj: denseSpec({ inputs, outputs }, normal)
        }
      }
  }
}

/**
 * What the head says of each example.
 *
 * Shapes: hidden `[b, L, h]`, of which it reads `[:, 0]`; result `[b, c]`. f32. Without a key nothing is dropped.
 */
export const sentenceOutputs =
  (rate: number, key: Key | undefined) =>
  ({ classifier }: SentenceHead) =>
  (hidden: Tensor): Tensor => {
    const first = pipe(
      hidden,
      slice([null, [0, 1]]),
      squeeze(1),
      dropout({ rate, key: keyOf('classifier.dropout', key) })
    )
    if (!('out_proj' in classifier)) return dense(classifier)(first)
    return pipe(
      first,
      dense(classifier.dense),
      gelu,
      dropout({ rate, key: keyOf('classifier.out_proj.dropout', key) }),
      dense(classifier.out_proj)
    )
  }

const outputsOf = (
  options: SentenceNetworkOptions,
  params: unknown,
  inputs: TokenInputs,
  key: Key | undefined
): Tensor => {
  const model = params as TaskModel<SentenceHead>
  return pipe(hiddenStates(options, model, inputs, key), sentenceOutputs(options.dropout, key)(model))
}

/** Softmax cross entropy over `classes`. Source: the classification head of the published code, `classification_tasks.py`. */
export const sentenceClassifier = (
  options: SentenceNetworkOptions,
  classes: number
): TaskNetwork<TokenInputs, SentenceTargets, SentenceLogits> => ({
  parameters: { ...electraSpec(options), ...sentenceHeadSpec(options, classes) },
  batchSpec: (examples, length) => ({
    ...tokensSpec(examples, length),
    labels: spec([examples], 'i32'),
    weights: spec([examples])
  }),
  shardLoss: (params, batch, denominator, key) => {
    const logits = outputsOf(options, params, batch, key)
    return {
      loss: pipe(logits, softmaxCrossEntropy(batch.labels), shardOf(batch.weights, denominator)),
      outputs: { logits }
    }
  },
  predict: (params, inputs) => ({ logits: outputsOf(options, params, inputs, undefined) })
})

/** Squared error against scaled labels, without a squashing function. */
export const sentenceRegressor = (
  options: SentenceNetworkOptions
): TaskNetwork<TokenInputs, SentenceTargets, SentenceValues> => {
  const valuesOf = (params: unknown, inputs: TokenInputs, key: Key | undefined): Tensor =>
    squeeze(-1)(outputsOf(options, params, inputs, key))
  return {
    parameters: { ...electraSpec(options), ...sentenceHeadSpec(options, 1) },
    batchSpec: (examples, length) => ({
      ...tokensSpec(examples, length),
      labels: spec([examples]),
      weights: spec([examples])
    }),
    shardLoss: (params, batch, denominator, key) => {
      const values = valuesOf(params, batch, key)
      return {
        loss: pipe(values, sub(batch.labels), square, shardOf(batch.weights, denominator)),
        outputs: { values }
      }
    },
    predict: (params, inputs) => ({ values: valuesOf(params, inputs, undefined) })
  }
}

/** Between which numbers the labels of a regression lie. */
export type LabelRange = { readonly min: number; readonly max: number }

/**
 * A label as the loss reads it, `(y - min) / (max - min)`. The published code divides by max, which is the same for STS-B, its only
 * regression, where min is 0.
 */
export const scaled = ({ min, max }: LabelRange, y: number): number => (y - min) / (max - min)

/** A prediction in the units of the labels. */
export const unscaled = ({ min, max }: LabelRange, value: number): number => min + value * (max - min)
