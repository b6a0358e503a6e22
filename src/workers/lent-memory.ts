/**
 * A memory of which a thread has the use of one block that it was lent.
 *
 * A thread can end at any moment, and what it had allocated for itself would then be lost to all. So it allocates nothing:
 * whoever lends the block keeps the books, and lends it to the next thread once this one has ended.
 */

import * as E from 'fp-ts/lib/Either.js'
import type { IO } from 'fp-ts/lib/IO.js'
import type { Memory } from '../tensor/run/memory.js'

/** `bytes` bytes from byte `address`, a multiple of 64. */
export type Block = { readonly address: number; readonly bytes: number }

export const noBlock: Block = { address: 0, bytes: 0 }

export type LentMemory = {
  /** All of the memory to look at; to allocate there is the block, once, and `OutOfMemory` for anything beyond it. */
  readonly memory: Memory
  /** Says which block there is from now on. */
  readonly lend: (block: Block) => void
  /** The bytes of the first block that could not be had since the last `lend`; 0 where there is none. */
  readonly missing: IO<number>
}

export const lentMemory = (whole: Memory): LentMemory => {
  let lent = noBlock
  let inUse = 0
  let missing = 0
  return {
    memory: {
      ...whole,
      allocate: (bytes) => {
        if (bytes === 0) return whole.allocate(0)
        if (inUse === 0 && bytes <= lent.bytes) {
          inUse = bytes
          return E.right(lent.address)
        }
        if (missing === 0) missing = bytes
        return E.left({ _tag: 'OutOfMemory', wanted: bytes, inUse, limit: lent.bytes })
      },
      free: (_, bytes) => {
        if (bytes > 0) inUse = 0
      },
      inUse: () => inUse
    },
    lend: (block) => {
      lent = block
      missing = 0
    },
    missing: () => missing
  }
}
