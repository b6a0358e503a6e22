/**
 * Shared memory: arrays that every thread can read and write, addressed by slots.
 *
 * A slot is plain data and crosses to a worker as it is; the buffer inside it travels by reference, never by copy.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type { IO } from 'fp-ts/lib/IO.js'
import type { IOEither } from 'fp-ts/lib/IOEither.js'
import { viewOf, type Data, type DType, type FloatWidth } from '../tensor/dtype.js'
import { mapTree } from '../tensor/tree.js'
import { reasonOf } from '../tensor/reason.js'
import type { WorkerError } from './error.js'
import { isPlace, layOut, type Place, type PerSpec } from './layout.js'

/** `floats` says how f32 is held: as the device that will work here holds it. */
export type Memory = { readonly buffer: SharedArrayBuffer; readonly floats: FloatWidth }

export type Slot = Place & { readonly memory: Memory }

/** One zeroed memory that holds every array of a tree of specs. Fails with `OutOfMemory`. */
export const allocateSlots =
  <const T>(floats: FloatWidth, tree: T): IOEither<WorkerError, PerSpec<T, Slot>> =>
  () => {
    const { places, bytes } = layOut(floats, tree)
    return pipe(
      E.tryCatch(
        () => new SharedArrayBuffer(bytes),
        (thrown): WorkerError => ({ _tag: 'OutOfMemory', bytes, reason: reasonOf(thrown) })
      ),
      E.map((buffer) => {
        const memory: Memory = { buffer, floats }
        return mapTree(isPlace, (place): Slot => ({ ...place, memory }), places) as unknown as PerSpec<T, Slot>
      })
    )
  }

/** The elements of a slot, in place. */
export const view = ({ memory, dtype, offset, size }: Slot): Data =>
  viewOf(dtype, memory.buffer, offset, size, memory.floats)

const holds: Record<DType, (data: Data) => boolean> = {
  f32: (data) => data instanceof Float32Array || data instanceof Float64Array,
  i32: (data) => data instanceof Int32Array,
  u32: (data) => data instanceof Uint32Array,
  bool: (data) => data instanceof Uint8Array
}

const mismatch = (where: string, slots: ReadonlyArray<Slot>, data: ReadonlyArray<Data>): WorkerError | undefined => {
  const wrong = (found: string, expected: string): WorkerError => ({ _tag: 'WrongInputs', where, found, expected })
  if (data.length !== slots.length) return wrong(`${data.length} arrays`, String(slots.length))
  const at = slots.findIndex(({ dtype, size }, i) => !holds[dtype](data[i]) || data[i].length !== size)
  return at < 0
    ? undefined
    : wrong(
        `${data[at].constructor.name} of ${data[at].length} elements as array ${at}`,
        `${slots[at].size} elements of ${slots[at].dtype}`
      )
}

/**
 * Copies arrays into slots, all or none. f32 comes from a `Float32Array` or `Float64Array` and is rounded or widened to
 * the memory's width. Fails with `WrongInputs`, naming `where` they were wanted.
 */
export const writeSlots =
  (where: string, slots: ReadonlyArray<Slot>, data: ReadonlyArray<Data>): IOEither<WorkerError, void> =>
  () => {
    const wrong = mismatch(where, slots, data)
    if (wrong !== undefined) return E.left(wrong)
    slots.forEach((slot, i) => view(slot).set(data[i]))
    return E.right(undefined)
  }

/** Copies of what the slots hold now, in unshared memory. */
export const readSlots =
  (slots: ReadonlyArray<Slot>): IO<ReadonlyArray<Data>> =>
  () =>
    slots.map((slot) => view(slot).slice())
