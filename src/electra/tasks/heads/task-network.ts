/**
 * What a network for a task is: ELECTRA's encoder, a head on it, and a loss over one shard of a batch.
 *
 * Every family of tasks makes values of this one type, so that training and prediction know none of them. Parameters stand under the
 * names of Hugging Face's model files where such a model exists.
 */

import { pipe } from 'fp-ts/lib/function.js'
import { foldName, weightedSum, type ParameterSpec, type Params } from '../../../nn/index.js'
import { div, type Tensor } from '../../../tensor/index.js'
import { spec } from '../../../tensor/program/trace.js'
import type { Key } from '../../../tensor/random.js'
import type { Tree } from '../../../tensor/tree.js'
import type { ModelConfig } from '../../config/config.js'
import { bodySpec, embeddingsSpec, encode, type Body, type Embeddings, type TokenInputs } from '../../model/body.js'

/** The parameters of a head beside those of the encoder that it reads. */
export type TaskModel<Head, A = Tensor> = Head & {
  readonly electra: Body<A> & { readonly embeddings: Embeddings<A> }
}

export type NetworkSize = {
  readonly model: ModelConfig
  readonly vocabSize: number
}

export type TaskLoss<Outputs> = {
  /** The shard's part of the batch's loss: adding over shards gives the loss. Scalar, f32. */
  readonly loss: Tensor
  readonly outputs: Outputs
}

/**
 * `Inputs` are what a prediction reads, `Targets` what a loss reads beside them; both are records of tensors whose first axis is the
 * example. `Outputs` is what the loss was computed from, `Predictions` what is known without targets.
 */
export type TaskNetwork<Inputs, Targets, Outputs, Predictions = Outputs> = {
  readonly parameters: Tree<ParameterSpec>
  /** Placeholders for a shard of `examples` rows of `length` tokens. */
  readonly batchSpec: (examples: number, length: number) => Inputs & Targets
  /**
   * The loss of a shard, `sum(weights losses) / denominator`. An example that only fills a batch up has weight 0. The denominator is
   * the whole batch's and above 0: 1 gives the sum of the published code, the batch's sum of weights its mean. Scalar, f32.
   * Without a key nothing is dropped.
   */
  readonly shardLoss: (
    params: Params,
    batch: Inputs & Targets,
    denominator: Tensor,
    key: Key | undefined
  ) => TaskLoss<Outputs>
  readonly predict: (params: Params, inputs: Inputs) => Predictions
}

export const electraSpec = ({ model, vocabSize }: NetworkSize): TaskModel<object, ParameterSpec> => ({
  electra: {
    embeddings: embeddingsSpec(model, model, vocabSize, model.initializerRange),
    ...bodySpec(model, model, model.initializerRange)
  }
})

/** The last layer's hidden states `[b, L, h]`. */
export const hiddenStates = (
  { model }: NetworkSize,
  { electra }: TaskModel<object>,
  { ids, mask, types }: TokenInputs,
  key: Key | undefined
): Tensor => encode(model, model.heads, key)(electra.embeddings, electra)({ ids, mask, types }).final

/** The key of a place called `name`, where there is one. */
export const keyOf = (name: string, key: Key | undefined): Key | undefined =>
  key === undefined ? undefined : foldName(name)(key)

/** `sum(weights losses) / denominator`. Shapes: both `[...s]`, denominator `[]`. */
export const shardOf =
  (weights: Tensor, denominator: Tensor) =>
  (losses: Tensor): Tensor =>
    pipe(losses, weightedSum(weights), div(denominator))

export const tokensSpec = (examples: number, length: number): TokenInputs => {
  const tokens = spec([examples, length], 'i32')
  return { ids: tokens, mask: tokens, types: tokens }
}
