import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { allocateSlots, readSlots, view, writeSlots, type Slot } from '../../src/workers/memory.js'
import type { FloatWidth } from '../../src/tensor/dtype.js'
import type { Spec } from '../../src/tensor/program/program.js'

const slotsOf = (floats: FloatWidth, specs: ReadonlyArray<Spec>): ReadonlyArray<Slot> => {
  const made = allocateSlots(floats, specs)()
  if (E.isLeft(made)) throw new Error('nothing was allocated')
  return made.right
}

const four: ReadonlyArray<Spec> = [
  { shape: [3], dtype: 'f32' },
  { shape: [2], dtype: 'i32' },
  { shape: [], dtype: 'u32' },
  { shape: [5], dtype: 'bool' }
]

const fourArrays = fc.tuple(
  fc.float32Array({ minLength: 3, maxLength: 3 }),
  fc.int32Array({ minLength: 2, maxLength: 2 }),
  fc.uint32Array({ minLength: 1, maxLength: 1 }),
  fc.uint8Array({ minLength: 5, maxLength: 5, max: 1 })
)

describe('slots of shared memory', () => {
  it('give back what was written, as copies that nobody shares', () => {
    fc.assert(
      fc.property(fourArrays, (data) => {
        const slots = slotsOf('float32', four)
        expect(writeSlots('test', slots, data)()).toEqual(E.right(undefined))
        const read = readSlots(slots)()
        expect(read).toEqual(data)
        view(slots[1]).fill(7)
        expect(read).toEqual(data)
        expect(read.every(({ buffer }) => buffer instanceof ArrayBuffer)).toBe(true)
      })
    )
  })

  it('keep doubles where f32 is held in double precision', () => {
    const slots = slotsOf('float64', [{ shape: [2], dtype: 'f32' }])
    writeSlots('test', slots, [Float64Array.of(0.1, 1e300)])()
    expect(readSlots(slots)()).toEqual([Float64Array.of(0.1, 1e300)])
    writeSlots('test', slots, [Float32Array.of(0.1, 1)])()
    expect(readSlots(slots)()).toEqual([Float64Array.of(Math.fround(0.1), 1)])
  })

  it.each([
    ['too few arrays', [new Float32Array(3)]],
    ['a wrong length', [new Float32Array(3), new Int32Array(2), new Uint32Array(1), new Uint8Array(4)]],
    ['a wrong dtype', [new Float32Array(3), new Int32Array(2), new Int32Array(1), new Uint8Array(5)]]
  ])('refuse %s and stay as they were', (_, data) => {
    const slots = slotsOf('float32', four)
    data[0].fill(1)
    const answer = writeSlots('here', slots, data)()
    expect(answer).toMatchObject(E.left({ _tag: 'WrongInputs', where: 'here' }))
    expect(readSlots(slots)()[0]).toEqual(new Float32Array(3))
  })

  it('are refused, with the number of bytes, where there is no such memory', () => {
    const huge: ReadonlyArray<Spec> = Array.from({ length: 2 ** 10 }, () => ({ shape: [2 ** 42], dtype: 'i32' }))
    const bytes = 2 ** 10 * 2 ** 42 * 4
    expect(allocateSlots('float32', huge)()).toMatchObject(E.left({ _tag: 'OutOfMemory', bytes }))
  })
})
