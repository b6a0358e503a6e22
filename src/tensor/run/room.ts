/**
 * Arrays that live in a memory for as long as somebody holds them.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type { IO } from 'fp-ts/lib/IO.js'
import { bytesPerElement, type Data, type FloatWidth } from '../dtype.js'
import type { Spec } from '../program/program.js'
import { sizeOf } from '../shape.js'
import type { Memory, OutOfMemory } from './memory.js'

/**
 * An array's own block of a memory: gives a view of it, made anew at each call. The block goes back to the memory when
 * this value is collected, so it is held on to while a view of it is in use.
 */
export type Room = IO<Data>

type Block = { readonly memory: Memory; readonly address: number; readonly bytes: number }

const collected = new FinalizationRegistry<Block>(({ memory, address, bytes }) => memory.free(address, bytes))

/** Zeroed room for arrays, f32 as wide as `floats` says. Fails with `OutOfMemory`. */
export const roomFor =
  (memory: Memory, floats: FloatWidth) =>
  (specs: ReadonlyArray<Spec>): E.Either<OutOfMemory, ReadonlyArray<Room>> =>
    pipe(
      specs,
      E.traverseArray(({ dtype, shape }) => {
        const size = sizeOf(shape)
        const bytes = size * bytesPerElement(dtype, floats)
        return pipe(
          memory.allocate(bytes),
          E.map((address): Room => {
            const room = (): Data => memory.view(dtype, address, size, floats)
            collected.register(room, { memory, address, bytes })
            return room
          })
        )
      })
    )

export const viewsOf = (rooms: ReadonlyArray<Room>): ReadonlyArray<Data> => rooms.map((room) => room())

/** Copies arrays into rooms of their dtypes and sizes. f32 is rounded or widened to the rooms' width. */
export const fillRooms = (rooms: ReadonlyArray<Room>, arrays: ReadonlyArray<Data>): void =>
  rooms.forEach((room, i) => room().set(arrays[i]))
