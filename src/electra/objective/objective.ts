/**
 * What a model is trained to do: parameters, and a loss over one shard of a batch.
 *
 * Every objective is a value of this one type, so the training fold knows none of them by name.
 */

import type { ParameterSpec, Params } from '../../nn/index.js'
import type { Tensor } from '../../tensor/index.js'
import type { Key } from '../../tensor/random.js'
import type { Tree } from '../../tensor/tree.js'
import type { CorruptedBatch, Denominators, ShardBatch } from './batch.js'

/** How a loss is computed this time: with dropout (training) or without, and the key for it and for sampling. */
export type ForwardMode = { readonly training: boolean; readonly key: Key }

/** Sums over the shard, scalars or vectors, f32: they add over shards to the whole batch's. */
export type MetricSums<A = Tensor> = { readonly [name: string]: A }

export type ShardLoss = {
  /** The shard's part of the batch's loss: adding over shards gives the loss. Scalar, f32. */
  readonly loss: Tensor
  readonly metrics: MetricSums
}

/** Numbers for people, from the metric sums of a whole batch (or of several, added). */
export type Report = { readonly [name: string]: number }

/** How well a model finds the tokens of a text that somebody else has replaced. */
export type Judge = {
  readonly metrics: (params: Params, batch: CorruptedBatch) => MetricSums
  /** Metric sums added over batches. */
  readonly report: (sums: MetricSums<ArrayLike<number>>) => Report
}

export type Objective = {
  readonly name: string
  readonly parameters: Tree<ParameterSpec>
  readonly shardLoss: (params: Params, batch: ShardBatch, denominators: Denominators, run: ForwardMode) => ShardLoss
  /** Metric sums added over `batches` whole batches, as plain arrays. */
  readonly report: (sums: MetricSums<ArrayLike<number>>, batches: number) => Report
  /** Where there is a discriminator. */
  readonly judge?: Judge
}
