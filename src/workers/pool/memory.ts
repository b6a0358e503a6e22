/**
 * Slots: where arrays stand in the memory that the workers of a pool share.
 *
 * A slot is plain data, and all that a message to a worker says of an array. `floats` is how f32 is held in the memory: as
 * the devices that work in it hold it.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type { IO } from 'fp-ts/lib/IO.js'
import type { IOEither } from 'fp-ts/lib/IOEither.js'
import { bytesPerElement, type Data, type DType, type FloatWidth } from '../../tensor/dtype.js'
import type { Spec } from '../../tensor/program/program.js'
import type { Memory } from '../../tensor/run/memory/memory.js'
import { sizeOf } from '../../tensor/shape.js'
import { mapTree } from '../../tensor/tree.js'
import type { WorkerError } from '../error.js'
import { isPlace, layOut, type Place, type PerSpec } from './layout.js'

/** A place whose offset counts from the beginning of the memory. */
export type Slot = Place

/** Zeroed slots for every array of a tree of specs, in one block. Fails with `OutOfMemory`. */
export const allocateSlots =
  <const T>(memory: Memory, floats: FloatWidth, tree: T): IOEither<WorkerError, PerSpec<T, Slot>> =>
  () => {
    const { places, bytes } = layOut(floats, tree)
    return pipe(
      memory.allocate(bytes),
      E.map((base) => {
        const slotAt = (place: Place): Slot => ({ ...place, offset: base + place.offset })
        return mapTree(isPlace, slotAt, places) as unknown as PerSpec<T, Slot>
      })
    )
  }

/** Gives slots back to the memory. Nobody may use them from then on. */
export const freeSlots =
  (memory: Memory, floats: FloatWidth) =>
  (slots: ReadonlyArray<Slot>): IO<void> =>
  () =>
    slots.forEach(({ dtype, offset, size }) => memory.free(offset, size * bytesPerElement(dtype, floats)))

/** The elements of a slot, in place. */
export const view =
  (memory: Memory, floats: FloatWidth) =>
  ({ dtype, offset, size }: Slot): Data =>
    memory.view(dtype, offset, size, floats)

const holds: Record<DType, (data: Data) => boolean> = {
  f32: (data) => data instanceof Float32Array || data instanceof Float64Array,
  i32: (data) => data instanceof Int32Array,
  u32: (data) => data instanceof Uint32Array,
  bool: (data) => data instanceof Uint8Array
}

const mismatch = (
  where: string,
  slots: ReadonlyArray<Pick<Slot, 'dtype' | 'size'>>,
  data: ReadonlyArray<Data>
): WorkerError | undefined => {
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

/** Whether arrays are of such dtypes and sizes: `WrongInputs`, naming `where` they were wanted, if not. */
export const checkInputs = (
  where: string,
  specs: ReadonlyArray<Spec>,
  data: ReadonlyArray<Data>
): E.Either<WorkerError, void> => {
  const wrong = mismatch(
    where,
    specs.map(({ dtype, shape }) => ({ dtype, size: sizeOf(shape) })),
    data
  )
  return wrong === undefined ? E.right(undefined) : E.left(wrong)
}

/**
 * Copies arrays into slots, all or none. f32 comes from a `Float32Array` or `Float64Array` and is rounded or widened to
 * the memory's width. Fails with `WrongInputs`, naming `where` they were wanted.
 */
export const writeSlots =
  (memory: Memory, floats: FloatWidth) =>
  (where: string, slots: ReadonlyArray<Slot>, data: ReadonlyArray<Data>): IOEither<WorkerError, void> =>
  () => {
    const wrong = mismatch(where, slots, data)
    if (wrong !== undefined) return E.left(wrong)
    slots.map(view(memory, floats)).forEach((array, i) => array.set(data[i]))
    return E.right(undefined)
  }

/** Copies of what the slots hold now, in memory of their own. */
export const readSlots =
  (memory: Memory, floats: FloatWidth) =>
  (slots: ReadonlyArray<Slot>): IO<ReadonlyArray<Data>> =>
  () =>
    slots.map((slot) => view(memory, floats)(slot).slice())
