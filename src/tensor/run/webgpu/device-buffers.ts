/**
 * Buffers of a GPU that its users hold.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type { IO } from 'fp-ts/lib/IO.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { alignedTo } from '../../alignment.js'
import type { DType } from '../../dtype.js'
import { sizeOf } from '../../shape.js'
import { allocateArrays, checkWritten } from '../arrays.js'
import type { Device, DeviceBlock, DeviceBuffer, DeviceBuffers, DeviceError } from '../device.js'
import { whenCollected } from '../memory/when-collected.js'
import { sound, submitted, type Context } from './context.js'
import { bytesOf, type Storage, type Stored } from './storage.js'
import { readBack, upload } from './transfer.js'

const strayBuffer: DeviceError = {
  _tag: 'WrongArrays',
  device: 'webgpu',
  found: 'a buffer of another device, or one that has been released',
  expected: 'a buffer of this device'
}

/** Where a buffer lies. */
export const storedOf = ({ known }: Context, buffer: DeviceBuffer): E.Either<DeviceError, Stored> =>
  E.fromNullable(strayBuffer)(known.get(buffer))

const allStored = (
  context: Context,
  buffers: ReadonlyArray<DeviceBuffer>
): E.Either<DeviceError, ReadonlyArray<Stored>> =>
  pipe(
    buffers,
    E.traverseArray((buffer) => storedOf(context, buffer))
  )

/** Zeroed storage of so many bytes each, once what has been asked for before is submitted. */
const cleared = (context: Context, bytes: ReadonlyArray<number>): TE.TaskEither<DeviceError, ReadonlyArray<Stored>> =>
  context.gate(
    pipe(
      TE.fromEither(sound(context)),
      TE.chain(() => context.storage.take(bytes)),
      TE.map((taken) => {
        const { device } = context.gpu
        const encoder = device.createCommandEncoder()
        taken.forEach(({ buffer }) => encoder.clearBuffer(buffer))
        device.queue.submit([encoder.finish()])
        return taken
      })
    )
  )

const bufferAt = ({ known }: Context, stored: Stored, dtype: DType, size: number): DeviceBuffer => {
  const buffer: DeviceBuffer = { _tag: 'DeviceBuffer', dtype, size }
  known.set(buffer, stored)
  return buffer
}

/** Gives storage back, once; and what the engine has collected the owner of. */
export type Returning = {
  readonly own: (owner: object, stored: Stored) => void
  readonly release: (owner: object, stored: Stored) => void
}

export const returningTo = ({ giveBack }: Pick<Storage, 'giveBack'>): Returning => {
  const held = new WeakMap<object, IO<void>>()
  return {
    own: (owner, stored) => {
      held.set(owner, whenCollected(owner, giveBack, [stored]))
    },
    release: (owner, stored) => {
      const takeBack = held.get(owner)
      if (takeBack === undefined) return
      held.delete(owner)
      takeBack()
      giveBack([stored])
    }
  }
}

export const allocateOn =
  (context: Context, returning: Returning): Device<'async'>['allocate'] =>
  (specs) =>
    pipe(
      cleared(
        context,
        specs.map(({ shape }) => bytesOf(sizeOf(shape)))
      ),
      TE.map((taken): DeviceBuffers => {
        const list = specs.map(({ dtype, shape }, i) => bufferAt(context, taken[i], dtype, sizeOf(shape)))
        list.forEach((buffer, i) => returning.own(buffer, taken[i]))
        const release = (): void =>
          list.forEach((buffer, i) => {
            context.known.delete(buffer)
            returning.release(buffer, taken[i])
          })
        return { list, release }
      })
    )

/** Blocks are whole numbers of these bytes: what is computed of a block falls into even parts. */
const blockUnit = 2 ** 14

export const allocateBlockOn =
  (context: Context, returning: Returning): Device<'async'>['allocateBlock'] =>
  (shapes) => {
    const { alignment } = context.limits.loops
    const ends = shapes.reduce<ReadonlyArray<number>>(
      (before, shape) => [...before, alignedTo(alignment)((before.at(-1) ?? 0) + bytesOf(sizeOf(shape)))],
      []
    )
    const bytes = alignedTo(blockUnit)(ends.at(-1) ?? 0)
    return pipe(
      cleared(context, [bytes]),
      TE.map(([stored]): DeviceBlock => {
        const { part } = context.storage
        const whole = bufferAt(context, part(stored, 0, bytes), 'f32', bytes / 4)
        const list = shapes.map((shape, i) => {
          const at = i === 0 ? 0 : ends[i - 1]
          // Whoever holds a part holds the whole.
          return bufferAt(context, { ...part(stored, at, bytesOf(sizeOf(shape))), owner: whole }, 'f32', sizeOf(shape))
        })
        returning.own(whole, stored)
        const release = (): void => {
          ;[whole, ...list].forEach((buffer) => context.known.delete(buffer))
          returning.release(whole, stored)
        }
        return { list, whole, release }
      })
    )
  }

export const writeOn =
  (context: Context): Device<'async'>['write'] =>
  (buffers, arrays) =>
    context.gate(
      pipe(
        TE.fromEither(sound(context)),
        TE.chainEitherK(() => checkWritten('webgpu', buffers, arrays)),
        TE.chainEitherK(() => allStored(context, buffers)),
        TE.map((stored) => stored.forEach((place, i) => upload(context, place, arrays[i], buffers[i].dtype)))
      )
    )

export const readOn =
  (context: Context): Device<'async'>['read'] =>
  (buffers) => {
    const out = allocateArrays(
      buffers.map(({ dtype, size }) => ({ dtype, shape: [size] })),
      'float32'
    )
    const dtypes = buffers.map(({ dtype }) => dtype)
    const work = pipe(
      TE.fromEither(sound(context)),
      TE.chainEitherK(() => allStored(context, buffers)),
      TE.chain((stored) => readBack(context, stored, dtypes, out))
    )
    return pipe(
      submitted(context, work),
      TE.map(() => out)
    )
  }
