/**
 * Buffers of a GPU: made once, lent to whoever needs them for a while, and lent again.
 *
 * What is done with a buffer is done in the order in which it is submitted, so a buffer may be lent again before the work of its last
 * user is done.
 */

import * as E from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { Data, DType } from '../../dtype.js'
import { sizeClass } from '../../program/gpu/placement.js'
import type { DeviceError } from '../device.js'
import { collectGarbage } from '../memory/collect-garbage.js'

/** Bytes of a buffer, and a number that no others have. They are there for as long as their owner, where they have one, is held. */
export type Stored = {
  readonly id: number
  readonly buffer: GPUBuffer
  readonly offset: number
  readonly bytes: number
  readonly owner?: object
}

export type Storage = {
  /**
   * Buffers of at least so many bytes: where memory has run out, after those that nobody has are given up, and then those too that nobody
   * holds any more. Fails with `OutOfMemory`, and then has taken none.
   */
  readonly take: (bytes: ReadonlyArray<number>) => TaskEither<DeviceError, ReadonlyArray<Stored>>
  /** A part of a buffer. It is the buffer that is given back. */
  readonly part: (of: Stored, offset: number, bytes: number) => Stored
  readonly giveBack: (taken: ReadonlyArray<Stored>) => void
}

/** Whole words. A bool has one, and everything else that is not stored as f16. */
export const bytesOf = (size: number, isHalf = false): number => Math.max(4, 4 * Math.ceil(isHalf ? size / 2 : size))

type Taken = E.Either<DeviceError, ReadonlyArray<Stored>>

/** Once what nobody holds is collected, and has been given back, which takes turns of its own. */
const collected = async (): Promise<void> => {
  collectGarbage()
  await new Promise((turn) => setTimeout(turn))
  await new Promise((turn) => setTimeout(turn))
}

export const storageOn = (device: GPUDevice, usage: number): Storage => {
  const free = new Map<number, Array<Stored>>()
  let ids = 0
  /** Bytes of all buffers, lent or not. */
  let total = 0

  const create = (bytes: number): Stored => {
    const stored = { id: ids++, bytes, offset: 0, buffer: device.createBuffer({ size: bytes, usage }) }
    total += bytes
    return stored
  }
  /** Destroys the buffers that are not lent. */
  const trim = (): void => {
    free.forEach((list) => {
      list.splice(0).forEach(({ buffer, bytes }) => {
        buffer.destroy()
        total -= bytes
      })
    })
  }
  const giveBack = (taken: ReadonlyArray<Stored>): void => {
    for (const stored of taken) {
      const list = free.get(stored.bytes)
      if (list === undefined) free.set(stored.bytes, [stored])
      else list.push(stored)
    }
  }
  const attempt = async (classes: ReadonlyArray<number>): Promise<Taken> => {
    const reused = classes.map((bytes) => free.get(bytes)?.pop())
    const missing = classes.filter((_, i) => reused[i] === undefined)
    if (missing.length === 0) return E.right(reused.flatMap((stored) => stored ?? []))
    const before = total
    device.pushErrorScope('out-of-memory')
    device.pushErrorScope('validation')
    const taken = reused.map((stored, i) => stored ?? create(classes[i]))
    const errors = await Promise.all([device.popErrorScope(), device.popErrorScope()])
    if (errors.every((error) => error === null)) return E.right(taken)
    taken.forEach((stored, i) => {
      if (reused[i] !== undefined) return giveBack([stored])
      stored.buffer.destroy()
      total -= stored.bytes
    })
    return E.left({
      _tag: 'OutOfMemory',
      wanted: missing.reduce((sum, bytes) => sum + bytes, 0),
      inUse: before,
      limit: device.limits.maxBufferSize
    })
  }
  const isAnyFree = (): boolean => [...free.values()].some((list) => list.length > 0)

  return {
    take: (wanted) => async () => {
      const classes = wanted.map(sizeClass)
      const onceMore = (found: Taken): Taken | Promise<Taken> => {
        if (E.isRight(found) || !isAnyFree()) return found
        trim()
        return attempt(classes)
      }
      const taken = await onceMore(await attempt(classes))
      if (E.isRight(taken)) return taken
      await collected()
      return onceMore(taken)
    },
    part: ({ buffer }, offset, bytes) => ({ id: ids++, buffer, offset, bytes }),
    giveBack: (taken) => giveBack([...taken].reverse())
  }
}

/** The words of an array, as a GPU holds it. */
export const wordsOf = (data: Data, dtype: DType): AllowSharedBufferSource => {
  if (dtype === 'bool') return Uint32Array.from(data)
  const words = data instanceof Float64Array ? Float32Array.from(data) : data
  // Shared memory is allowed, which the declaration of its own typed arrays leaves out.
  return words
}

/** Copies words into an array of that dtype. */
export const copyWords = (words: ArrayBuffer, dtype: DType, out: Data): void => {
  const { length } = out
  switch (dtype) {
    case 'f32':
      return out.set(new Float32Array(words, 0, length))
    case 'i32':
      return out.set(new Int32Array(words, 0, length))
    case 'u32':
    case 'bool':
      return out.set(new Uint32Array(words, 0, length))
  }
}
