/**
 * The working memory of a device: one region that its programs use in turn, as large as the largest of them needs.
 */

import * as E from 'fp-ts/lib/Either.js'
import type { IOEither } from 'fp-ts/lib/IOEither.js'
import type { DeviceError } from './device.js'
import type { Memory } from './memory.js'

export type Region = {
  /** Says how much a program will need. Nothing is allocated before a program runs. */
  readonly reserve: (bytes: number) => void
  /** The address of a region of at least `bytes` bytes, and of all that was reserved. What it held before may be gone. */
  readonly take: (bytes: number) => E.Either<DeviceError, number>
}

export const regionIn = (memory: IOEither<DeviceError, Memory>): Region => {
  let wanted = 0
  let held = { address: 0, bytes: 0 }
  const reserve = (bytes: number): void => {
    wanted = Math.max(wanted, bytes)
  }
  return {
    reserve,
    take: (bytes) => {
      reserve(bytes)
      if (held.bytes >= wanted) return E.right(held.address)
      const got = memory()
      if (E.isLeft(got)) return got
      // Given back first: the new one may begin where the old one did.
      got.right.free(held.address, held.bytes)
      held = { address: 0, bytes: 0 }
      const block = got.right.allocate(wanted)
      if (E.isRight(block)) held = { address: block.right, bytes: wanted }
      return block
    }
  }
}
