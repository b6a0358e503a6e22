/**
 * A batch as the arrays that a fold's shards read: masked, weighed, keyed and cut.
 *
 * Masking is drawn before the cut, and the batch's two weight sums go to every shard, because the losses are means over
 * the whole batch.
 */

import { hostFold } from '../../tensor/keys.js'
import { tensor, type Data, type Tensor } from '../../tensor/index.js'
import type { Words } from '../../tensor/threefry.js'
import type { Arrays } from '../../workers/index.js'
import type { Batch } from '../data/examples/batches.js'
import { isCandidate, type Masked } from '../data/examples/masking.js'
import type { SpecialIds } from '../data/vocabulary/vocabulary.js'
import type { CorruptedBatch, Denominators, ShardBatch } from '../objective/batch.js'

/** The path order of `ShardBatch` and of `Denominators`: the order of a traced program's inputs. */
const batchOrder = [
  'attentionMask',
  'inputIds',
  'maskedIds',
  'maskedInputIds',
  'maskedPositions',
  'maskedWeights',
  'tokenTypeIds'
] as const satisfies ReadonlyArray<keyof ShardBatch>

const denominatorOrder = ['attentionMask', 'candidates', 'maskedWeights'] as const satisfies ReadonlyArray<
  keyof Denominators
>

const total = (weights: ArrayLike<number>): Float32Array => {
  let sum = 0
  for (let i = 0; i < weights.length; i++) sum += weights[i]
  return Float32Array.of(sum)
}

const corruptedOrder = ['attentionMask', 'inputIds', 'labels', 'tokenTypeIds'] as const satisfies ReadonlyArray<
  keyof CorruptedBatch
>

/** Part s of S of a `[B, ...]` array, by rows. */
const partOf = <A extends Data>(array: A, s: number, shards: number): Data => {
  const part = array.length / shards
  return array.subarray(s * part, (s + 1) * part)
}

/** The shards of a batch of the corrupted text, labelled where it differs from the same batch of the original. */
export const corruptedInputs = (original: Batch, corrupted: Batch, shards: number): ReadonlyArray<Arrays> => {
  const { attentionMask, inputIds, tokenTypeIds } = corrupted
  const labels = inputIds.map((id, i) => (id === original.inputIds[i] ? 0 : 1))
  const whole: CorruptedBatch<Data> = { attentionMask, inputIds, labels, tokenTypeIds }
  return Array.from({ length: shards }, (_, s) => corruptedOrder.map((name) => partOf(whole[name], s, shards)))
}

/** How many tokens could have been masked. */
const countCandidates = ({ inputIds, attentionMask }: Batch, special: SpecialIds): Float32Array => {
  let count = 0
  for (let i = 0; i < inputIds.length; i++) if (attentionMask[i] === 1 && isCandidate(special, inputIds[i])) count++
  return Float32Array.of(count)
}

/** The batch's sums. */
const denominatorsOf = (batch: Batch, masked: Masked, special: SpecialIds): Denominators<Data> => ({
  attentionMask: total(batch.attentionMask),
  candidates: countCandidates(batch, special),
  maskedWeights: total(masked.maskedWeights)
})

/** A whole batch as the one shard of itself, in tensors. */
export const shardTensors = (
  batch: Batch,
  masked: Masked,
  special: SpecialIds
): { readonly batch: ShardBatch; readonly denominators: Denominators } => {
  const rows = (array: Data): Tensor => tensor(array, { shape: [batch.batchSize, array.length / batch.batchSize] })
  const scalars = denominatorsOf(batch, masked, special)
  return {
    batch: mapNames(batchOrder, (name) => rows({ ...batch, ...masked }[name])),
    denominators: mapNames(denominatorOrder, (name) => tensor(scalars[name], { shape: [] }))
  }
}

const mapNames = <K extends string, A>(names: ReadonlyArray<K>, f: (name: K) => A): Readonly<Record<K, A>> =>
  Object.fromEntries(names.map((name) => [name, f(name)])) as Readonly<Record<K, A>>

export type Cut = { readonly special: SpecialIds; readonly shards: number; readonly stepKey: Words }

/** Shard s holds rows `s B / S .. (s + 1) B / S - 1`, and the key folded with s. */
export const shardInputs = (batch: Batch, masked: Masked, { special, shards, stepKey }: Cut): ReadonlyArray<Arrays> => {
  const whole: ShardBatch<Data> = { ...batch, ...masked }
  const denominators = denominatorsOf(batch, masked, special)
  return Array.from({ length: shards }, (_, shard) => [
    ...batchOrder.map((name) => partOf(whole[name], shard, shards)),
    ...denominatorOrder.map((name) => denominators[name]),
    Uint32Array.from(hostFold(shard)(stepKey))
  ])
}
