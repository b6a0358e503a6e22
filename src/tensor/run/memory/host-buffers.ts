/**
 * Buffers of a device that works in this process: arrays that live in its memory for as long as somebody holds them, or until they are
 * released.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type { IOEither } from 'fp-ts/lib/IOEither.js'
import { aligned } from '../../alignment.js'
import { bytesPerElement, type Data, type DType, type FloatWidth } from '../../dtype.js'
import { sizeOf, type Shape } from '../../shape.js'
import { checkWritten } from '../arrays.js'
import {
  isBuffer,
  type Device,
  type DeviceBuffer,
  type DeviceBlock,
  type DeviceError,
  type ProgramArray
} from '../device.js'
import type { Memory, OwnedBlock } from './memory.js'

/** Where an array begins; the block, and who holds it, are the same for all of one allocation. */
type Placed = { readonly memory: Memory; readonly address: number; readonly allocation: Allocation }

type Allocation = { readonly owner: object; readonly block: OwnedBlock; isReleased: boolean }

export type HostBuffers = Pick<Device<'sync'>, 'allocate' | 'allocateBlock' | 'write' | 'read'> & {
  /** The elements of an operand, in place: a view made anew at each call. Fails with `WrongArrays` for buffers that are not here. */
  readonly dataOf: (operand: ProgramArray) => E.Either<DeviceError, Data>
}

/** Elements from the start of a block to each of its arrays, and to its end, where an element has so many bytes. */
const placesOf = (
  shapes: ReadonlyArray<Shape>,
  bytes: number
): { readonly places: ReadonlyArray<number>; readonly size: number } => {
  let size = 0
  const places = shapes.map((shape) => {
    const place = size
    size += aligned(sizeOf(shape) * bytes) / bytes
    return place
  })
  return { places, size }
}

/** Buffers in a memory, f32 as wide as `floats` says. `device` is what errors call whoever has them. */
export const hostBuffers = (device: string, floats: FloatWidth, memory: IOEither<DeviceError, Memory>): HostBuffers => {
  const known = new WeakMap<DeviceBuffer, Placed>()

  const width = bytesPerElement('f32', floats)

  const allocated = (held: Memory, bytes: number): E.Either<DeviceError, Allocation> => {
    // Whoever holds a buffer holds this.
    const owner = {}
    return pipe(
      held.allocateFor(owner, bytes),
      E.map((block) => ({ owner, block, isReleased: false }))
    )
  }

  const bufferAt = (held: Memory, allocation: Allocation, dtype: DType, offset: number, size: number): DeviceBuffer => {
    const buffer: DeviceBuffer = { _tag: 'DeviceBuffer', dtype, size }
    known.set(buffer, { memory: held, address: allocation.block.address + offset, allocation })
    return buffer
  }

  const releaseOf = (buffer: DeviceBuffer): void => {
    const placed = known.get(buffer)
    if (placed === undefined || placed.allocation.isReleased) return
    placed.allocation.isReleased = true
    placed.allocation.block.release()
  }

  const dataOf = (operand: ProgramArray): E.Either<DeviceError, Data> => {
    if (!isBuffer(operand)) return E.right(operand)
    const placed = known.get(operand)
    if (placed === undefined || placed.allocation.isReleased)
      return E.left({
        _tag: 'WrongArrays',
        device,
        found: placed === undefined ? 'a buffer of another device' : 'a buffer that has been released',
        expected: 'one of this device'
      })
    return E.right(placed.memory.view(operand.dtype, placed.address, operand.size, floats))
  }

  return {
    dataOf,
    allocate: (specs) => () =>
      pipe(
        memory(),
        E.chain((held) => {
          const list: Array<DeviceBuffer> = []
          const release = (): void => list.forEach(releaseOf)
          for (const { dtype, shape } of specs) {
            const size = sizeOf(shape)
            const allocation = allocated(held, size * bytesPerElement(dtype, floats))
            if (E.isLeft(allocation)) {
              release()
              return allocation
            }
            list.push(bufferAt(held, allocation.right, dtype, 0, size))
          }
          return E.right({ list, release })
        })
      ),
    allocateBlock: (shapes) => () =>
      pipe(
        E.Do,
        E.bindW('held', memory),
        E.let('layout', () => placesOf(shapes, width)),
        E.bindW('allocation', ({ held, layout }) => allocated(held, width * layout.size)),
        E.map(({ held, layout, allocation }): DeviceBlock => {
          const whole = bufferAt(held, allocation, 'f32', 0, layout.size)
          return {
            list: shapes.map((shape, i) => bufferAt(held, allocation, 'f32', width * layout.places[i], sizeOf(shape))),
            whole,
            release: () => releaseOf(whole)
          }
        })
      ),
    write: (buffers, arrays) => () =>
      pipe(
        checkWritten(device, buffers, arrays),
        E.chain(() => E.traverseArray(dataOf)(buffers)),
        E.map((views) => views.forEach((view, i) => view.set(arrays[i])))
      ),
    read: (buffers) => () =>
      pipe(
        buffers,
        E.traverseArray(dataOf),
        E.map((views) => views.map((view) => view.slice()))
      )
  }
}
