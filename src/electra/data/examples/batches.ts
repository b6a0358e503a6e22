/**
 * The stream of batches: every example once an epoch, in an order drawn anew for each epoch.
 *
 * The stream is a function of the batch's number, so training can be resumed at any batch without replaying the ones
 * before it. Batches straddle epochs: batch n holds the places n B .. n B + B - 1 of the endless sequence of epochs.
 */

import { hostFold, hostPermutation } from '../../../tensor/keys.js'
import type { Words } from '../../../tensor/threefry.js'
import type { Examples } from './examples.js'

/** B examples of L tokens, all `[B, L]` i32, row-major. */
export type Batch = {
  readonly batchSize: number
  readonly sequenceLength: number
  readonly inputIds: Int32Array
  /** 1 real, 0 padding. */
  readonly attentionMask: Int32Array
  /** Segment 0 or 1; padding is 0. */
  readonly tokenTypeIds: Int32Array
}

export type BatchStream = {
  /** The examples of batch n. */
  readonly indicesAt: (n: number) => ReadonlyArray<number>
  readonly at: (n: number) => Batch
}

/**
 * The stream that `key` orders. Epoch e is shuffled by the key folded with e.
 *
 * There must be at least one example. The last epoch's order is remembered; a batch outside it costs one shuffle.
 */
export const batchStream = (options: {
  readonly examples: Examples
  readonly batchSize: number
  readonly key: Words
}): BatchStream => {
  const { examples, batchSize, key } = options
  if (examples.count < 1) throw new Error('a stream of batches needs at least one example')
  const orderOf = rememberingLast((epoch: number) => hostPermutation(examples.count)(hostFold(epoch)(key)))
  const indicesAt = (n: number): ReadonlyArray<number> =>
    Array.from({ length: batchSize }, (_, row) => {
      const place = n * batchSize + row
      return orderOf(Math.floor(place / examples.count))[place % examples.count]
    })
  return { indicesAt, at: (n) => gatherBatch(examples, indicesAt(n)) }
}

/** The examples with these numbers, in this order, as one batch. */
export const gatherBatch = (examples: Examples, indices: ReadonlyArray<number>): Batch => {
  const { sequenceLength: length } = examples
  const batchSize = indices.length
  const inputIds = new Int32Array(batchSize * length)
  const attentionMask = new Int32Array(batchSize * length)
  const tokenTypeIds = new Int32Array(batchSize * length)
  indices.forEach((example, row) => {
    const at = row * length
    const tokens = examples.lengths[example]
    inputIds.set(examples.ids.subarray(example * length, example * length + tokens), at)
    attentionMask.fill(1, at, at + tokens)
    tokenTypeIds.fill(1, at + examples.firstLengths[example], at + tokens)
  })
  return { batchSize, sequenceLength: length, inputIds, attentionMask, tokenTypeIds }
}

/** Neighbouring batches share an epoch, so one remembered answer is enough. */
const rememberingLast = <A>(f: (n: number) => A): ((n: number) => A) => {
  let last: { readonly n: number; readonly value: A } | undefined
  return (n) => {
    if (last?.n !== n) last = { n, value: f(n) }
    return last.value
  }
}
