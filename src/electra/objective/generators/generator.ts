/**
 * Where the tokens come from that are put in place of masked ones.
 *
 * Every generator is a value of this one type, whatever it is made of: adding one is a file and a row in the table.
 */

import type { ParameterSpec } from '../../../nn/index.js'
import type { Tensor } from '../../../tensor/index.js'
import type { Key } from '../../../tensor/random.js'
import type { Tree } from '../../../tensor/tree.js'
import type { ElectraConfig } from '../../config/config.js'
import type { ConfigProblem } from '../../config/schema.js'
import type { Network } from '../../flops/network.js'
import type { Body, Embeddings } from '../../model/body.js'
import type { Column, Report } from '../../training/columns.js'
import type { Denominators, ShardBatch } from '../batch.js'
import type { Exported } from '../exported.js'
import type { MetricSums } from '../objective.js'
import type { Pieces } from '../pieces.js'

/** The network that reads what a generator makes: it may share parameters with it. */
export type MainNetwork<A = Tensor> = { readonly electra: Body<A> & { readonly embeddings: Embeddings<A> } }

/** What a generator says of a shard. */
export type Proposal = {
  /** Of the tokens at the slots, before the temperature `[b, P, V]`, f32. */
  readonly logits: Tensor
  /** The shard's part of the generator's own loss: scalar, f32. */
  readonly loss: Tensor
  readonly metrics: MetricSums
  /** What a transformer sees at every position `[b, L, h]`, f32. */
  readonly hidden?: Tensor
  /** Of a generator that predicts every token from all others: the logits at every position `[b, L, V]`, f32. */
  readonly everywhere?: Tensor
}

export type GeneratorParams = {
  readonly main: MainNetwork
  /** The tree of `parameters`; anything where it has none. */
  readonly generator: unknown
}

export type Generator = {
  /** Of its own, under `generator.` in a run; none for a generator that learns nothing. */
  readonly parameters: Tree<ParameterSpec> | undefined
  /** Without a key nothing is dropped. */
  readonly propose: (
    params: GeneratorParams,
    batch: ShardBatch,
    denominators: Denominators,
    dropoutKey: Key | undefined
  ) => Proposal
  /** What the numbers of `report` mean. */
  readonly columns: ReadonlyArray<Column>
  readonly report: (sums: MetricSums<ArrayLike<number>>, batches: number) => Report
  /** The networks that it runs in a step, for counting its arithmetic; none where it computes next to nothing. */
  readonly networks: (sequenceLength: number) => ReadonlyArray<Network>
  /** As a model file, where Hugging Face has a class for it; `main` is the prefix of the network that it shares with. */
  readonly exported?: (main: string) => Exported
}

/** A row of the table of generators. */
export type GeneratorMaker = {
  /** One line, with its source. */
  readonly about: string
  readonly problems?: (config: ElectraConfig) => ReadonlyArray<ConfigProblem>
  readonly make: (config: GeneratorSettings, pieces: Pieces) => Generator
}

/** What of a configuration a generator reads. */
export type GeneratorSettings = Pick<
  ElectraConfig,
  'model' | 'generator' | 'sharing' | 'replaceProbability' | 'randomProbability'
>
