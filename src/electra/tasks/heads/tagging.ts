/**
 * A tag for each word: a linear layer on the hidden state of the word's first piece.
 *
 *     official       x W + b
 *     huggingface    dropout(x) W + b         ElectraForTokenClassification
 *
 * Both have the same parameters, and either can be written for transformers.
 */

import { pipe } from 'fp-ts/lib/function.js'
import {
  dense,
  denseSpec,
  dropout,
  glorotUniform,
  softmaxCrossEntropy,
  truncatedNormal,
  type Dense,
  type ParameterSpec
} from '../../../nn/index.js'
import type { Tensor } from '../../../tensor/index.js'
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
import { gatherPositions } from '../../model/positions.js'

export type TaggingHead<A = Tensor> = { readonly classifier: Dense<A> }

export type TaggingNetworkOptions = NetworkSize & {
  readonly head: HeadKind
  /** Of the head of `huggingface`, 0.1 unless `classifier_dropout` is set; the official head has none. */
  readonly dropout: number
  /** The most words of a sentence, W. */
  readonly words: number
}

export type TaggingInputs = TokenInputs & {
  /** Where each word's first piece stands; 0 for no word. `[b, W]`, i32. */
  readonly positions: Tensor
}

export type TaggingTargets = {
  /** `[b, W]`, i32. */
  readonly labels: Tensor
  /** 1 for a word that counts, else 0. `[b, W]`, f32. */
  readonly weights: Tensor
}

/** Logits of each tag at each word `[b, W, c]`. */
export type TaggingLogits = { readonly logits: Tensor }

/** The published code draws its head by Glorot's rule, transformers its own from a normal distribution. */
export const taggingHeadSpec = ({ model, head }: TaggingNetworkOptions, tags: number): TaggingHead<ParameterSpec> => ({
  classifier: denseSpec(
    { inputs: model.hiddenSize, outputs: tags },
    head === 'official' ? glorotUniform : truncatedNormal(model.initializerRange)
  )
})

/**
 * Shapes: hidden `[b, n, h]`; result `[b, n, c]`. f32. Without a key nothing is dropped.
 */
export const taggingLogits =
  (rate: number, key: Key | undefined) =>
  ({ classifier }: TaggingHead) =>
  (hidden: Tensor): Tensor =>
    pipe(hidden, dropout({ rate, key: keyOf('classifier.dropout', key) }), dense(classifier))

/** Softmax cross entropy over `tags`, a word by itself. Source: `tagging_tasks.py` of the published code. */
export const tagger = (
  options: TaggingNetworkOptions,
  tags: number
): TaskNetwork<TaggingInputs, TaggingTargets, TaggingLogits> => {
  const rate = options.head === 'official' ? 0 : options.dropout
  const logitsOf = (params: unknown, inputs: TaggingInputs, key: Key | undefined): Tensor => {
    const model = params as TaskModel<TaggingHead>
    return pipe(
      hiddenStates(options, model, inputs, key),
      gatherPositions(inputs.positions),
      taggingLogits(rate, key)(model)
    )
  }
  return {
    parameters: { ...electraSpec(options), ...taggingHeadSpec(options, tags) },
    batchSpec: (examples, length) => ({
      ...tokensSpec(examples, length),
      positions: spec([examples, options.words], 'i32'),
      labels: spec([examples, options.words], 'i32'),
      weights: spec([examples, options.words])
    }),
    shardLoss: (params, batch, denominator, key) => {
      const logits = logitsOf(params, batch, key)
      return {
        loss: pipe(logits, softmaxCrossEntropy(batch.labels), shardOf(batch.weights, denominator)),
        outputs: { logits }
      }
    },
    predict: (params, inputs) => ({ logits: logitsOf(params, inputs, undefined) })
  }
}
