/**
 * One shard of a masked batch, as the loss programs read it.
 */

import { spec } from '../../tensor/program/trace.js'
import type { Tensor } from '../../tensor/index.js'

/**
 * b examples of L tokens with P prediction slots each. Masking was drawn on the host, before the batch was cut into
 * shards; an unused slot has position 0, id 0 and weight 0.
 */
export type ShardBatch<A = Tensor> = {
  /** Original tokens `[b, L]`, i32. */
  readonly inputIds: A
  /** What the generator reads `[b, L]`, i32. */
  readonly maskedInputIds: A
  /** 1 real, 0 padding `[b, L]`, i32. */
  readonly attentionMask: A
  /** Segment 0 or 1 `[b, L]`, i32. */
  readonly tokenTypeIds: A
  /** `[b, P]`, i32. */
  readonly maskedPositions: A
  /** The original tokens at those positions `[b, P]`, i32. */
  readonly maskedIds: A
  /** 1 for a slot that counts `[b, P]`, f32. */
  readonly maskedWeights: A
}

/** Sums over the whole batch, which every shard's means divide by. Scalars, f32. */
export type Denominators<A = Tensor> = {
  readonly attentionMask: A
  /** Of the tokens that could have been masked. */
  readonly candidates: A
  readonly maskedWeights: A
}

/** b examples of L tokens, some of which were replaced before any program saw them. */
export type CorruptedBatch<A = Tensor> = Pick<ShardBatch<A>, 'attentionMask' | 'inputIds' | 'tokenTypeIds'> & {
  /** 1 where the token is not the original one, else 0 `[b, L]`, i32. */
  readonly labels: A
}

export const corruptedBatchSpec = (examples: number, length: number): CorruptedBatch => {
  const tokens = spec([examples, length], 'i32')
  return { attentionMask: tokens, inputIds: tokens, labels: tokens, tokenTypeIds: tokens }
}

export const shardBatchSpec = (examples: number, length: number, slots: number): ShardBatch => {
  const tokens = spec([examples, length], 'i32')
  const slot = spec([examples, slots], 'i32')
  return {
    inputIds: tokens,
    maskedInputIds: tokens,
    attentionMask: tokens,
    tokenTypeIds: tokens,
    maskedPositions: slot,
    maskedIds: slot,
    maskedWeights: spec([examples, slots], 'f32')
  }
}

export const denominatorsSpec: Denominators = {
  attentionMask: spec([], 'f32'),
  candidates: spec([], 'f32'),
  maskedWeights: spec([], 'f32')
}
