/**
 * One linear memory that grows up to 4 GiB, and who has which part of it.
 *
 * WebAssembly and native code read and write it in place: what lies here is not copied on its way to a kernel. Its first
 * word is the mark, the number of 64-byte units given out so far. Threads attached to one memory move the mark by
 * compare-and-exchange, so their blocks never overlap; what a thread gives back it keeps for itself, except at the mark,
 * which then moves down. Unallocated bytes are zero.
 *
 * A block may have an owner and then comes back when the engine has collected that. An engine collects when its own heap is
 * full, and knows nothing of this memory: so where a block cannot be had, it is made to collect before the block is refused.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type { IO } from 'fp-ts/lib/IO.js'
import type { IOEither } from 'fp-ts/lib/IOEither.js'
import { bytesPerElement, viewOf, type Data, type DType, type FloatWidth } from '../../dtype.js'
import { once } from '../once.js'
import { collectGarbage } from './collect-garbage.js'
import { whenCollected } from './when-collected.js'

/** A block that cannot be had, in bytes. `limit` is what the memory can be, or is where the machine lets it grow no further. */
export type OutOfMemory = {
  readonly _tag: 'OutOfMemory'
  readonly wanted: number
  readonly inUse: number
  readonly limit: number
}

export type OwnedBlock = {
  readonly address: number
  /** Gives the block back; a second time does nothing. */
  readonly release: IO<void>
}

export type Memory = {
  /** A shared one crosses to another thread by reference, in any message: `attachMemory` there. */
  readonly wasm: WebAssembly.Memory
  readonly isShared: boolean
  /** The byte address, a multiple of 64, of a zeroed block. May grow the memory, which detaches views of unshared ones. */
  readonly allocate: (bytes: number) => E.Either<OutOfMemory, number>
  /** The same until it is released, or `owner` is collected. */
  readonly allocateFor: (owner: object, bytes: number) => E.Either<OutOfMemory, OwnedBlock>
  /** Gives a block, or a part of one that begins at a multiple of 64, back for later blocks of this thread. Clears it. */
  readonly free: (address: number, bytes: number) => void
  /** `size` elements from byte `address`, in place. */
  readonly view: (dtype: DType, address: number, size: number, floats?: FloatWidth) => Data
  /** Where in this memory an array lies; `undefined` for arrays that lie elsewhere, and for detached ones. */
  readonly addressOf: (data: Data) => number | undefined
  /** Bytes that all threads were given, less those that this one gave back. */
  readonly inUse: IO<number>
  /** Bytes that it can have at most. 64 of them are its own. */
  readonly limit: number
}

const unitBytes = 64

const pageBytes = 65536

const maximumPages = 65536

/** The most that 32-bit addresses reach: 4 GiB. */
export const mostBytes = maximumPages * pageBytes

/** A free block: the units from `start` to before `end`. */
type Free = { readonly start: number; readonly end: number }

const unitsOf = (bytes: number): number => Math.ceil(bytes / unitBytes)

/** A block that comes back by itself. */
type Owned = { readonly owner: WeakRef<object>; readonly address: number; readonly bytes: number }

/**
 * This thread's hold on a memory that another thread made, or nobody has used yet. `limit` is how many bytes it was made to have
 * at most, which it does not tell.
 */
export const attachMemory = (wasm: WebAssembly.Memory, limit: number = mostBytes): Memory => {
  const isShared = !(wasm.buffer instanceof ArrayBuffer)
  // A grow replaces `wasm.buffer` and leaves older views of a shared memory as good as before, so all of them count.
  const handedOut = new WeakSet<ArrayBufferLike>()
  // In order of address; no two touch.
  const freed: Array<Free> = []

  const mark = (): Int32Array => new Int32Array(wasm.buffer, 0, 1)
  // Unit 0 holds the mark.
  Atomics.compareExchange(mark(), 0, 0, 1)

  /** As long as other threads have made it: `wasm.buffer` may not show that yet, and does after growing by nothing. */
  const pages = (): number => (isShared ? wasm.grow(0) : wasm.buffer.byteLength / pageBytes)

  const bufferOver = (end: number): ArrayBufferLike => {
    if (wasm.buffer.byteLength < end) pages()
    return wasm.buffer
  }

  /** Makes the memory at least `end` bytes long, if it lets itself. */
  const reach = (end: number): boolean => {
    while (wasm.buffer.byteLength < end) {
      const now = pages()
      const missing = Math.ceil(end / pageBytes) - now
      if (missing <= 0) return true
      const grown = E.tryCatch(
        () => wasm.grow(missing),
        () => undefined
      )
      // Too much for it, unless another thread grew it in between.
      if (E.isLeft(grown) && pages() === now) return false
    }
    return true
  }

  const inUse = (): number => {
    const free = freed.reduce((n, { start, end }) => n + end - start, 0)
    return (Atomics.load(mark(), 0) - 1 - free) * unitBytes
  }

  /** The first free block that is long enough, or its beginning. */
  const reuse = (units: number): number | undefined => {
    const at = freed.findIndex(({ start, end }) => end - start >= units)
    if (at < 0) return undefined
    const { start, end } = freed[at]
    freed.splice(at, 1, ...(end - start > units ? [{ start: start + units, end }] : []))
    return start
  }

  /** Moves the mark down over the last free block where that ends at the mark. */
  const lower = (): void => {
    const last = freed.at(-1)
    if (last !== undefined && Atomics.compareExchange(mark(), 0, last.end, last.start) === last.end) freed.pop()
  }

  /** Moves the mark up over a new block. */
  const raise = (bytes: number): E.Either<OutOfMemory, number> => {
    lower()
    for (;;) {
      const start = Atomics.load(mark(), 0)
      const end = start + unitsOf(bytes)
      const refused = (most: number): E.Either<OutOfMemory, never> =>
        E.left({ _tag: 'OutOfMemory', wanted: bytes, inUse: inUse(), limit: most })
      if (end * unitBytes > limit) return refused(limit)
      if (!reach(end * unitBytes)) return refused(pages() * pageBytes)
      if (Atomics.compareExchange(mark(), 0, start, end) === start) return E.right(start)
    }
  }

  /** Makes one of free blocks `i` and `i + 1` where they touch. */
  const join = (i: number): void => {
    if (i < 0 || i + 1 >= freed.length) return
    const [{ start, end: seam }, next] = freed.slice(i, i + 2)
    if (seam > next.start) throw new Error(`memory unit ${next.start} was given back twice`)
    if (seam === next.start) freed.splice(i, 2, { start, end: next.end })
  }

  const owned = new Set<Owned>()
  const release = (block: Owned): void => {
    if (owned.delete(block)) free(block.address, block.bytes)
  }

  /** Takes back what the engine has collected the owner of, and says whether there was any. */
  const reclaim = (): boolean => {
    if (owned.size === 0) return false
    const before = owned.size
    // Before anything is asked for: until this job ends, the engine keeps an owner that was there when it was asked for.
    collectGarbage()
    for (const block of owned) if (block.owner.deref() === undefined) release(block)
    return owned.size < before
  }

  const allocate = (bytes: number): E.Either<OutOfMemory, number> => {
    // Nothing takes no room, and lies anywhere.
    if (bytes === 0) return E.right(unitBytes)
    const place = (): E.Either<OutOfMemory, number> => {
      const reused = reuse(unitsOf(bytes))
      return reused === undefined ? raise(bytes) : E.right(reused)
    }
    const placed = place()
    // What could never be had is not worth a collection.
    const found = E.isLeft(placed) && bytes < limit && reclaim() ? place() : placed
    return E.Functor.map(found, (start) => start * unitBytes)
  }

  const free = (address: number, bytes: number): void => {
    if (bytes === 0) return
    const start = address / unitBytes
    const end = start + unitsOf(bytes)
    new Uint8Array(bufferOver(end * unitBytes), address, (end - start) * unitBytes).fill(0)
    const after = freed.findIndex((block) => block.start >= start)
    const at = after < 0 ? freed.length : after
    freed.splice(at, 0, { start, end })
    join(at)
    join(at - 1)
    lower()
  }

  return {
    wasm,
    isShared,
    limit,
    allocate,
    allocateFor: (owner, bytes) =>
      E.Functor.map(allocate(bytes), (address): OwnedBlock => {
        const block = { owner: new WeakRef(owner), address, bytes }
        owned.add(block)
        const takeBack = whenCollected(owner, release, block)
        return {
          address,
          release: () => {
            takeBack()
            release(block)
          }
        }
      }),
    free,
    view: (dtype, address, size, floats) => {
      const buffer = bufferOver(address + size * bytesPerElement(dtype, floats))
      handedOut.add(buffer)
      return viewOf(dtype, buffer, address, size, floats)
    },
    addressOf: ({ buffer, byteOffset }) =>
      buffer.byteLength > 0 && (handedOut.has(buffer) || buffer === wasm.buffer) ? byteOffset : undefined,
    inUse
  }
}

/**
 * A new memory. Reserves 4 GiB and more of addresses, and of the machine's memory only what is written to.
 *
 * Shared unless told otherwise, also for a single thread: views of a shared memory outlive its growing. `limit` is the bytes that
 * it can have at most, in pages of 64 KiB.
 */
export const createMemory = ({
  shared = true,
  limit = mostBytes
}: { readonly shared?: boolean; readonly limit?: number } = {}): E.Either<OutOfMemory, Memory> => {
  const maximum = Math.min(maximumPages, Math.max(1, Math.floor(limit / pageBytes)))
  return pipe(
    E.tryCatch(
      () => new WebAssembly.Memory({ initial: 1, maximum, shared }),
      (): OutOfMemory => ({ _tag: 'OutOfMemory', wanted: maximum * pageBytes, inUse: 0, limit: 0 })
    ),
    E.map((wasm) => attachMemory(wasm, maximum * pageBytes))
  )
}

/** The given memory or a new one, from the first call on the same one. */
export const lazyMemory = (given?: Memory): IOEither<OutOfMemory, Memory> =>
  given === undefined ? once(() => createMemory()) : () => E.right(given)
