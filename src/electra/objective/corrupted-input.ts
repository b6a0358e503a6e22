/**
 * What a main network reads: the input with a generator's samples in place of the masked tokens.
 */

import { pipe } from 'fp-ts/lib/function.js'
import { foldName } from '../../nn/index.js'
import { arange, cast, eq, expandDims, mul, sub, type Tensor } from '../../tensor/index.js'
import type { Key } from '../../tensor/random.js'
import type { ElectraConfig } from '../config/config.js'
import type { Denominators, ShardBatch } from './batch.js'
import { corrupt, sampleTokens, type Corrupted } from './corruption.js'
import type { Generator, GeneratorParams, Proposal } from './generators/generator.js'

/** How the slots' tokens are chosen from the generator's logits `[b, P, V]`, given the originals `[b, P]`: ids `[b, P]`, i32. */
export type Sampler = (logits: Tensor, originals: Tensor) => Tensor

/** Far below any logit. */
const forbidden = 1000

/** Logits with which the originals are never drawn. Source: the published code's `disallow_correct`. */
const withoutOriginals = (logits: Tensor, originals: Tensor): Tensor => {
  const vocabSize = logits.shape[logits.shape.length - 1]
  const isOriginal = pipe(arange(vocabSize), eq(expandDims(-1)(originals)), cast('f32'))
  return pipe(logits, sub(mul(forbidden)(isOriginal)))
}

/** Samples as the configuration says, of its temperature, with or without the originals. */
export const samplerOf =
  ({ temperature, disallowCorrect }: Pick<ElectraConfig, 'temperature' | 'disallowCorrect'>, key: Key): Sampler =>
  (logits, originals) =>
    pipe(disallowCorrect === true ? withoutOriginals(logits, originals) : logits, sampleTokens(temperature, key))

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
