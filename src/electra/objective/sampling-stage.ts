/**
 * What all objectives have in common whose main network reads a generator's samples: each gives its forward pass and what it
 * measures of it, and the rest of a stage follows.
 */

import { pipe } from 'fp-ts/lib/function.js'
import { foldName, weightedSum, type Params } from '../../nn/index.js'
import { cast, eq, stopGradient, type Tensor } from '../../tensor/index.js'
import type { Key } from '../../tensor/random.js'
import type { Column, Report } from '../training/columns.js'
import type { Denominators, ShardBatch } from './batch.js'
import { samplerOf, type CorruptedInput, type Sampler, type Sampling } from './corrupted-input.js'
import type { Generator } from './generators/generator.js'
import type { MetricSums, Stage } from './objective.js'

/** What a forward pass makes at least. */
export type SamplingForward = CorruptedInput & { readonly loss: Tensor }

/** What an objective says for itself. `P` is its parameters, `F` what its forward pass makes. */
export type SamplingParts<P extends Params, F extends SamplingForward> = {
  /** Without a key nothing is dropped. */
  readonly forward: (
    sampler: Sampler
  ) => (params: P, batch: ShardBatch, denominators: Denominators, dropoutKey: Key | undefined) => F
  /** Beside the loss, the generator's own and the hits of its samples. Constants for differentiation. */
  readonly metrics: (batch: ShardBatch, forward: F) => MetricSums
  /** What `metrics` come to. */
  readonly report: (sums: MetricSums<ArrayLike<number>>, batches: number) => Report
}

/** The loss of a stage, and its report: that of the generator, of its samples, and then the objective's own. */
export const samplingStage = <P extends Params, F extends SamplingForward>(
  sampling: Sampling,
  generator: Pick<Generator, 'report'>,
  { forward, metrics, report }: SamplingParts<P, F>
): Pick<Stage, 'shardLoss' | 'generatorLoss' | 'report'> => ({
  generatorLoss: (params, batch, denominators, { training, key }) =>
    forward(samplerOf(sampling, foldName('sample')(key)))(params as P, batch, denominators, training ? key : undefined)
      .proposal.loss,
  shardLoss: (params, batch, denominators, { training, key }) => {
    const made = forward(samplerOf(sampling, foldName('sample')(key)))(
      params as P,
      batch,
      denominators,
      training ? key : undefined
    )
    return {
      loss: made.loss,
      metrics: {
        loss: stopGradient(made.loss),
        ...made.proposal.metrics,
        sampledHits: pipe(made.sampled, eq(batch.maskedIds), cast('f32'), weightedSum(batch.maskedWeights)),
        ...metrics(batch, made)
      }
    }
  },
  report: (sums, batches) => ({
    loss: sums.loss[0] / batches,
    ...generator.report(sums, batches),
    sampledAccuracy: sums.sampledHits[0] / sums.maskedTokens[0],
    ...report(sums, batches)
  })
})

const sampledColumn: Column = {
  name: 'sampledAccuracy',
  meaning: 'Share of the sampled tokens that are the originals.',
  better: 'neither',
  digits: 3
}

/** Of the stage's report but the loss, with the objective's own. */
export const samplingColumns = (
  { columns }: Pick<Generator, 'columns'>,
  own: ReadonlyArray<Column>
): ReadonlyArray<Column> => [...columns, sampledColumn, ...own]
