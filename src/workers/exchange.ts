/**
 * Sums over the ranks while some of what is to be summed is still being computed.
 *
 * Arrays come in buckets. Whichever bucket is ready first, they are summed in their order, which is the same on every rank.
 */

import * as E from 'fp-ts/lib/Either.js'
import type { IO } from 'fp-ts/lib/IO.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { bytesPerElement, type Data, type FloatWidth } from '../tensor/dtype.js'
import type { WorkerError } from './error.js'
import { alignment } from './layout.js'
import type { Slot } from './memory.js'
import type { Ranks } from './ranks.js'

export type Exchange = {
  /** Says that this rank has all of a bucket. Saying it again says nothing. */
  readonly ready: (bucket: number) => void
  /** Settles when all buckets are summed, or with the first failure; never if a bucket is never ready. */
  readonly summed: TaskEither<WorkerError, void>
}

const latch = (): { readonly open: () => void; readonly opened: Promise<void> } => {
  let open: () => void = () => undefined
  const opened = new Promise<void>((settle) => {
    open = settle
  })
  return { open, opened }
}

export const exchange =
  ({ sum }: Ranks, buckets: ReadonlyArray<ReadonlyArray<Data>>): IO<Exchange> =>
  () => {
    const latches = buckets.map(latch)
    const inOrder = async (): Promise<E.Either<WorkerError, void>> => {
      for (const [i, { opened }] of latches.entries()) {
        await opened
        const summed = await sum(buckets[i])()
        if (E.isLeft(summed)) return summed
      }
      return E.right(undefined)
    }
    const summed = inOrder()
    return { ready: (bucket) => latches[bucket].open(), summed: () => summed }
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
