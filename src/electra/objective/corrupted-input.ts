/**
 * What a main network reads: the input with a generator's samples in place of the masked tokens.
 */

import { pipe } from 'fp-ts/lib/function.js'
import { foldName } from '../../nn/index.js'
import { arange, cast, div, eq, expandDims, mul, sub, type Tensor } from '../../tensor/index.js'
import type { Key } from '../../tensor/random.js'
import type { ElectraConfig } from '../config/config.js'
import type { Denominators, ShardBatch } from './batch.js'
import { corrupt, sampleTokens, type Corrupted } from './corruption.js'
import type { Generator, GeneratorParams, Proposal } from './generators/generator.js'

/** How the slots' tokens are chosen from the generator's logits `[b, P, V]`, given the originals `[b, P]`: ids `[b, P]`, i32. */
export type Sampler = (logits: Tensor, originals: Tensor) => Tensor

/** Far below any logit. */
const forbidden = 1000

/** What of a configuration decides how tokens are sampled. */
export type Sampling = Pick<ElectraConfig, 'temperature' | 'disallowCorrect'>

/**
 * The logits of the law that samples follow: divided by the temperature, and the originals' far below where they are disallowed.
 * Source: the published code's `sample_from_softmax` and `disallow_correct`.
 */
export const sampledLogits =
  ({ temperature, disallowCorrect }: Sampling) =>
  (logits: Tensor, originals: Tensor): Tensor => {
    const tempered = div(temperature)(logits)
    if (disallowCorrect !== true) return tempered
    const vocabSize = logits.shape[logits.shape.length - 1]
    const isOriginal = pipe(arange(vocabSize), eq(expandDims(-1)(originals)), cast('f32'))
    return pipe(tempered, sub(mul(forbidden)(isOriginal)))
  }

/** Samples as the configuration says, of its temperature, with or without the originals. */
export const samplerOf =
  (settings: Sampling, key: Key): Sampler =>
  (logits, originals) =>
    pipe(sampledLogits(settings)(logits, originals), sampleTokens(1, key))

export type CorruptedInput = {
  readonly proposal: Proposal
  /** `[b, P]`, i32. */
  readonly sampled: Tensor
  readonly corrupted: Corrupted
}

/** Without a key nothing is dropped. */
export const corruptedInput =
  (generator: Generator, sampler: Sampler) =>
  (
    params: GeneratorParams,
    batch: ShardBatch,
    denominators: Denominators,
    dropoutKey: Key | undefined
  ): CorruptedInput => {
    const key = dropoutKey === undefined ? undefined : foldName('generator')(dropoutKey)
    const proposal = generator.propose(params, batch, denominators, key)
    const sampled = sampler(proposal.logits, batch.maskedIds)
    return { proposal, sampled, corrupted: pipe(batch.inputIds, corrupt(batch.maskedPositions, sampled)) }
  }
