/**
 * Sums over the ranks while some of what is to be summed is still being computed.
 *
 * Arrays come in buckets. Whichever bucket is ready first, they are summed in their order, which is the same on every rank.
 */

import { pipe } from 'fp-ts/lib/function.js'
import type { IO } from 'fp-ts/lib/IO.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { bytesPerElement, type Data, type FloatWidth } from '../../tensor/dtype.js'
import type { WorkerError } from '../error.js'
import { alignment } from '../../tensor/alignment.js'
import type { Slot } from '../pool/memory.js'
import type { Ranks } from './ranks.js'

export type Exchange = {
  /** Says that this rank has all of a bucket. Saying it again says nothing. */
  readonly ready: (bucket: number) => void
  /** Once all buckets are ready: waits until they are summed, or for the first failure. */
  readonly summed: TaskEither<WorkerError, void>
}

/** Sums over the ranks: a bucket is begun with when it and all before it are ready. */
export const exchange =
  ({ beginSum }: Ranks, buckets: ReadonlyArray<ReadonlyArray<Data>>): IO<Exchange> =>
  () => {
    const isReady = new Set<number>()
    const begun: Array<TaskEither<WorkerError, void>> = []
    return {
      ready: (bucket) => {
        isReady.add(bucket)
        while (isReady.has(begun.length)) begun.push(beginSum(buckets[begun.length])())
      },
      summed: () => pipe(begun, TE.sequenceSeqArray, TE.asUnit)()
    }
  }

/**
 * Slots that follow one another in a block, as few as can be: what lies between two of one type, less than `alignment`
 * bytes that nobody writes, is counted to both.
 */
export const spansOf = (floats: FloatWidth, slots: ReadonlyArray<Slot>): ReadonlyArray<Slot> =>
  slots.reduce<ReadonlyArray<Slot>>((spans, slot) => {
    const last = spans.at(-1)
    if (last?.dtype !== slot.dtype) return [...spans, slot]
    const width = bytesPerElement(slot.dtype, floats)
    const gap = slot.offset - (last.offset + last.size * width)
    return gap < 0 || gap >= alignment
      ? [...spans, slot]
      : [...spans.slice(0, -1), { ...last, size: (slot.offset - last.offset) / width + slot.size }]
  }, [])
