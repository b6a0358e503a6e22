/**
 * Buffers: arrays that live in a memory for as long as somebody holds them, or until they are released.
 */

import * as E from 'fp-ts/lib/Either.js'
import type { IO } from 'fp-ts/lib/IO.js'
import { bytesPerElement, type Data, type FloatWidth } from '../../dtype.js'
import type { Spec } from '../../program/program.js'
import { sizeOf } from '../../shape.js'
import type { Memory, OutOfMemory, OwnedBlock } from './memory.js'

/** Blocks of a memory, one an array. They go back when this value is collected, so it is held on to while a view is in use. */
export type Buffers = {
  /** The arrays, in place: made anew at each call. Not after the release. */
  readonly views: IO<ReadonlyArray<Data>>
  readonly release: IO<void>
}

/** Zeroed buffers for arrays, f32 as wide as `floats` says: for all of them, or `OutOfMemory`. */
export const allocateBuffers =
  (memory: Memory, floats: FloatWidth) =>
  (specs: ReadonlyArray<Spec>): E.Either<OutOfMemory, Buffers> => {
    const blocks: Array<OwnedBlock> = []
    const buffers: Buffers = {
      views: () => blocks.map(({ address }, i) => memory.view(specs[i].dtype, address, sizeOf(specs[i].shape), floats)),
      release: () => blocks.splice(0).forEach((block) => block.release())
    }
    for (const { dtype, shape } of specs) {
      const block = memory.allocateFor(buffers, sizeOf(shape) * bytesPerElement(dtype, floats))
      if (E.isLeft(block)) {
        buffers.release()
        return block
      }
      blocks.push(block.right)
    }
    return E.right(buffers)
  }

/** Copies arrays into buffers for as many of their dtypes and sizes. f32 is rounded or widened to their width. */
export const fillBuffers = (buffers: Buffers, arrays: ReadonlyArray<Data>): void =>
  buffers.views().forEach((view, i) => view.set(arrays[i]))
