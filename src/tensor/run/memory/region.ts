/**
 * The working memory of a device: one region that its programs use in turn, as large as the largest of them needs.
 */

import * as E from 'fp-ts/lib/Either.js'
import type { IO } from 'fp-ts/lib/IO.js'
import type { IOEither } from 'fp-ts/lib/IOEither.js'
import type { DeviceError } from '../device.js'
import type { Memory } from './memory.js'

export type Region = {
  /** Says how much a program will need. Nothing is allocated before a program runs. */
  readonly reserve: (bytes: number) => void
  /**
   * The address of a region of at least `bytes` bytes: where they can be had, of as many as were reserved, so that it need not
   * move when the other programs run. What it held before may be gone.
   */
  readonly take: (bytes: number) => E.Either<DeviceError, number>
  /** Gives it back. The next program takes a new one. */
  readonly release: IO<void>
}

export const regionIn = (memory: IOEither<DeviceError, Memory>): Region => {
  let wanted = 0
  let held = { address: 0, bytes: 0 }
  const release = ({ free }: Memory): void => {
    free(held.address, held.bytes)
    held = { address: 0, bytes: 0 }
  }
  return {
    reserve: (bytes) => {
      wanted = Math.max(wanted, bytes)
    },
    take: (bytes) => {
      if (held.bytes >= bytes) return E.right(held.address)
      const got = memory()
      if (E.isLeft(got)) return got
      // Given back first: the new one may begin where the old one did.
      release(got.right)
      const reserved = Math.max(wanted, bytes)
      const whole = got.right.allocate(reserved)
      // What another program wants, and cannot have, keeps nobody else from working.
      if (E.isLeft(whole)) wanted = 0
      const block = E.isLeft(whole) && reserved > bytes ? got.right.allocate(bytes) : whole
      if (E.isRight(block)) held = { address: block.right, bytes: E.isRight(whole) ? reserved : bytes }
      return block
    },
    release: () => {
      const got = held.bytes === 0 ? undefined : memory()
      if (got !== undefined && E.isRight(got)) release(got.right)
    }
  }
}
