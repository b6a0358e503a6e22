/**
 * Dynamic masking: which tokens of a batch are to be predicted, and what the generator reads in their place.
 *
 * Drawn on the host before a batch is cut into shards. Every example has a key of its own, the batch's key folded with
 * the example's row, so a row's masking does not depend on its neighbours.
 *
 * Source: google-research/electra, pretrain/pretrain_helpers.py, with exact sampling without replacement as the rule.
 */

import { hostBits, hostFold } from '../../../tensor/keys.js'
import type { Words } from '../../../tensor/threefry.js'
import { roundHalfToEven } from '../../rounding.js'
import type { Batch } from './batches.js'
import type { SpecialIds } from '../vocabulary/vocabulary.js'

export type MaskingOptions = {
  /** The share of tokens to predict: 0.15, or 0.25 for Large. */
  readonly maskProbability: number
  /** The chance that a chosen token is shown as [MASK]; otherwise it is shown as it is, and predicted all the same. */
  readonly replaceProbability: number
  /**
   * The chance that it is shown as a random piece, 0 where not given: of the whole vocabulary, special pieces and the token itself
   * included, as BERT's code draws it (create_pretraining_data.py, `vocab_words[rng.randint(0, len(vocab_words) - 1)]`).
   */
  readonly random?: { readonly probability: number; readonly vocabSize: number }
  /**
   * Draw positions independently, as the original code does: some are then chosen twice. False in every recipe but those
   * that must repeat the original's statistics.
   */
  readonly withReplacement: boolean
  readonly special: SpecialIds
}

export const officialMasking = { maskProbability: 0.15, replaceProbability: 0.85, withReplacement: false } as const

/**
 * B examples with P slots each; an unused slot has position 0, id 0 and weight 0.
 *
 * Positions ascend without replacement, and stand in the order drawn with it.
 */
export type Masked = {
  /** What the generator reads `[B, L]`. */
  readonly maskedInputIds: Int32Array
  /** `[B, P]` */
  readonly maskedPositions: Int32Array
  /** The original tokens at those positions `[B, P]`. */
  readonly maskedIds: Int32Array
  /** 1 for a slot that counts `[B, P]`. */
  readonly maskedWeights: Float32Array
}

/** `P = floor((p + 0.005) L)`, the prediction slots of a sequence of L tokens. */
export const slotsOf = (maskProbability: number, sequenceLength: number): number =>
  Math.floor((maskProbability + 0.005) * sequenceLength)

/**
 * `k = max(1, min(P, round(n p)))`, the predictions of an example of n real tokens, special ones counted too; 0 when there
 * are no slots. The product is of float32 numbers and is rounded half to even.
 */
export const predictionsOf = (maskProbability: number, slots: number, tokens: number): number =>
  Math.min(slots, Math.max(1, roundHalfToEven(Math.fround(Math.fround(tokens) * Math.fround(maskProbability)))))

/** What each draw of an example is for. */
const uses = { positions: 0, replacement: 1, piece: 2 } as const

/**
 * Chooses k positions uniformly among the real tokens that are not [CLS], [SEP] or [MASK]; all of them when there are
 * fewer. An example without any has no predictions.
 */
export const maskBatch =
  (options: MaskingOptions, key: Words) =>
  (batch: Batch): Masked => {
    const { batchSize, sequenceLength: length } = batch
    const slots = slotsOf(options.maskProbability, length)
    const masked: Masked = {
      maskedInputIds: batch.inputIds.slice(),
      maskedPositions: new Int32Array(batchSize * slots),
      maskedIds: new Int32Array(batchSize * slots),
      maskedWeights: new Float32Array(batchSize * slots)
    }
    const { mask } = options.special
    const { probability, vocabSize } = options.random ?? { probability: 0, vocabSize: 0 }
    const threshold = options.replaceProbability * 2 ** 32
    const randomThreshold = (options.replaceProbability + probability) * 2 ** 32
    for (let row = 0; row < batchSize; row++) {
      const ids = batch.inputIds.subarray(row * length, (row + 1) * length)
      const isReal = batch.attentionMask.subarray(row * length, (row + 1) * length)
      const rowKey = hostFold(row)(key)
      const positions = choosePositions(options, ids, isReal, slots, hostFold(uses.positions)(rowKey))
      const coins = hostBits(slots)(hostFold(uses.replacement)(rowKey))
      const pieces = probability === 0 ? undefined : hostBits(slots)(hostFold(uses.piece)(rowKey))
      positions.forEach((position, i) => {
        const slot = row * slots + i
        masked.maskedPositions[slot] = position
        masked.maskedIds[slot] = ids[position]
        masked.maskedWeights[slot] = 1
        const place = row * length + position
        if (coins[i] < threshold) masked.maskedInputIds[place] = mask
        // A place that is drawn twice shows [MASK] where either of its slots does.
        else if (pieces !== undefined && coins[i] < randomThreshold && masked.maskedInputIds[place] !== mask)
          masked.maskedInputIds[place] = Math.floor((pieces[i] * vocabSize) / 2 ** 32)
      })
    }
    return masked
  }

/** Whether a real token of this id may be masked. */
export const isCandidate = ({ cls, sep, mask }: SpecialIds, id: number): boolean =>
  id !== cls && id !== sep && id !== mask

const choosePositions = (
  { maskProbability, withReplacement, special }: MaskingOptions,
  ids: Int32Array,
  isReal: Int32Array,
  slots: number,
  key: Words
): ReadonlyArray<number> => {
  const candidates: Array<number> = []
  let tokens = 0
  for (let t = 0; t < ids.length; t++) {
    tokens += isReal[t]
    if (isReal[t] === 1 && isCandidate(special, ids[t])) candidates.push(t)
  }
  if (candidates.length === 0) return []
  const k = predictionsOf(maskProbability, slots, tokens)
  const words = hostBits(Math.max(ids.length, slots))(key)
  // One word a draw: a candidate's chance is off by less than 2^-32.
  if (withReplacement)
    return Array.from({ length: k }, (_, i) => candidates[Math.floor((words[i] * candidates.length) / 2 ** 32)])
  // The k smallest of independent words, one a position, are k positions drawn uniformly; a tie falls to the left.
  return candidates
    .sort((s, t) => words[s] - words[t] || s - t)
    .slice(0, k)
    .sort((s, t) => s - t)
}
