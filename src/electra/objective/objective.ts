/**
 * What a model is trained to do: parameters, a loss over one shard of a batch, and everything that others need to know of it.
 *
 * Every objective is a value of this one type, and nothing elsewhere knows one by name: adding one is a file and a row in the table.
 */

import type { ParameterSpec, Params } from '../../nn/index.js'
import type { Tensor } from '../../tensor/index.js'
import type { Key } from '../../tensor/random.js'
import type { Tree } from '../../tensor/tree.js'
import type { ElectraConfig } from '../config/config.js'
import type { ConfigProblem } from '../config/schema.js'
import type { Column, Report } from '../training/columns.js'
import type { NamedState } from '../training/problem.js'
import type { Network } from '../flops/network.js'
import type { CorruptedBatch, Denominators, ShardBatch } from './batch.js'
import type { Exported } from './exported.js'
import type { Pieces } from './pieces.js'

/** How a loss is computed this time: with dropout (training) or without, and the key for it and for sampling. */
export type ForwardMode = { readonly training: boolean; readonly key: Key }

/** Sums over the shard, scalars or vectors, f32: they add over shards to the whole batch's. */
export type MetricSums<A = Tensor> = { readonly [name: string]: A }

export type ShardLoss = {
  /** The shard's part of the batch's loss: adding over shards gives the loss. Scalar, f32. */
  readonly loss: Tensor
  readonly metrics: MetricSums
}

/** What is learnt over a part of a run's steps. */
export type Stage = {
  /** Of the run's steps; those of all stages add to 1. The learning rate's schedule spans the stage. */
  readonly share: number
  readonly shardLoss: (params: Params, batch: ShardBatch, denominators: Denominators, run: ForwardMode) => ShardLoss
  /** The generator's own part of that loss, where there is a generator: what of a step it is that trains it. */
  readonly generatorLoss?: (params: Params, batch: ShardBatch, denominators: Denominators, run: ForwardMode) => Tensor
  /** Metric sums added over `batches` whole batches, as plain arrays. One of its numbers is `loss`. */
  readonly report: (sums: MetricSums<ArrayLike<number>>, batches: number) => Report
  /** Parameters that it changes, by their paths; all, where not given. Others are not decayed either. */
  readonly trains?: (path: string) => boolean
  /** The networks that a step runs, for counting its arithmetic. */
  readonly networks: ReadonlyArray<Network>
  /** What it begins with, from the state that the stage before it has come to; that state, where not given. */
  readonly enter?: (state: NamedState) => NamedState
}

/** How well a model finds the tokens of a text that somebody else has replaced. */
export type Judge = {
  readonly metrics: (params: Params, batch: CorruptedBatch) => MetricSums
  /** Metric sums added over batches. */
  readonly report: (sums: MetricSums<ArrayLike<number>>) => Report
}

/** What the main network was shown, and how it judged each token. */
export type Judged = {
  /** `[b, L]`, i32. */
  readonly ids: Tensor
  /** Above 0 for a token that looks replaced `[b, L]`, f32. */
  readonly logits: Tensor
}

export type Objective = {
  readonly parameters: Tree<ParameterSpec>
  /** At least one, in their order. */
  readonly stages: ReadonlyArray<Stage>
  /** What the numbers of its reports mean, in the order in which they are shown. */
  readonly columns: ReadonlyArray<Column>
  /** The networks that it leaves as model files; the first is the one that is trained for others to use. */
  readonly exports: ReadonlyArray<Exported>
  /** Where there is a discriminator. */
  readonly judge?: Judge
  /** Replaces tokens of a batch and judges the result, without dropout. Where there is a discriminator. */
  readonly judged?: (params: Params, batch: ShardBatch, denominators: Denominators, key: Key) => Judged
}

/** How a text is scored, and by which networks of `model/`. */
export type Likelihood =
  | { readonly by: 'energies' | 'masked-lm'; readonly network: string }
  /** By what the discriminator implies beside the generator that it was trained against. */
  | { readonly by: 'replaced-token'; readonly network: string; readonly generator: string }

/** A row of the table of objectives. */
export type ObjectiveKind = {
  /** One line, with its source. */
  readonly about: string
  /** Whether configurations say the generator's sizes, or there is none but of the model's own. */
  readonly generator: 'own sizes' | 'model sizes'
  /** What is wrong with a configuration for it; nothing, where not given. */
  readonly problems?: (config: ElectraConfig) => ReadonlyArray<ConfigProblem>
  /** How the networks of such a run say how likely a text is; `undefined` where they do not. */
  readonly likelihood?: (config: ElectraConfig) => Likelihood | undefined
  /** What a configuration has to say beside its name, where a preset does not do. */
  readonly example?: object
  readonly make: (config: ElectraConfig, pieces: Pieces) => Objective
}
