import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { FloatWidth } from '../../../src/tensor/dtype.js'
import type { Spec } from '../../../src/tensor/program/program.js'
import { createMemory, type Memory } from '../../../src/tensor/run/memory/memory.js'
import { allocateSlots, freeSlots, readSlots, view, writeSlots, type Slot } from '../../../src/workers/pool/memory.js'

const newMemory = (): Memory => {
  const made = createMemory()
  if (E.isLeft(made)) throw new Error('no memory was made')
  return made.right
}

const slotsOf = (memory: Memory, floats: FloatWidth, specs: ReadonlyArray<Spec>): ReadonlyArray<Slot> => {
  const made = allocateSlots(memory, floats, specs)()
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

describe('slots of a memory', () => {
  it('give back what was written, as copies that nobody shares', () => {
    fc.assert(
      fc.property(fourArrays, (data) => {
        const memory = newMemory()
        const slots = slotsOf(memory, 'float32', four)
        expect(writeSlots(memory, 'float32')('test', slots, data)()).toEqual(E.right(undefined))
        const read = readSlots(memory, 'float32')(slots)()
        expect(read).toEqual(data)
        view(memory, 'float32')(slots[1]).fill(7)
        expect(read).toEqual(data)
        expect(read.every(({ buffer }) => buffer instanceof ArrayBuffer)).toBe(true)
      })
    )
  })

  it('keep doubles where f32 is held in double precision', () => {
    const memory = newMemory()
    const [write, read] = [writeSlots(memory, 'float64'), readSlots(memory, 'float64')]
    const slots = slotsOf(memory, 'float64', [{ shape: [2], dtype: 'f32' }])
    write('test', slots, [Float64Array.of(0.1, 1e300)])()
    expect(read(slots)()).toEqual([Float64Array.of(0.1, 1e300)])
    write('test', slots, [Float32Array.of(0.1, 1)])()
    expect(read(slots)()).toEqual([Float64Array.of(Math.fround(0.1), 1)])
  })

  it.each([
    ['too few arrays', [new Float32Array(3)]],
    ['a wrong length', [new Float32Array(3), new Int32Array(2), new Uint32Array(1), new Uint8Array(4)]],
    ['a wrong dtype', [new Float32Array(3), new Int32Array(2), new Int32Array(1), new Uint8Array(5)]]
  ])('refuse %s and stay as they were', (_, data) => {
    const memory = newMemory()
    const slots = slotsOf(memory, 'float32', four)
    data[0].fill(1)
    const answer = writeSlots(memory, 'float32')('here', slots, data)()
    expect(answer).toMatchObject(E.left({ _tag: 'WrongInputs', where: 'here' }))
    expect(readSlots(memory, 'float32')(slots)()[0]).toEqual(new Float32Array(3))
  })

  it('are plain data: a message carries the place of an array, and no memory', () => {
    const memory = newMemory()
    const slots = slotsOf(memory, 'float32', four)
    expect(JSON.parse(JSON.stringify(slots))).toEqual(slots)
    const [first] = slots
    expect(first).toEqual({ dtype: 'f32', size: 3, offset: memory.addressOf(view(memory, 'float32')(first)) })
  })

  it('are each their own, and zero, also where others were given back', () => {
    const memory = newMemory()
    const floats = 'float32'
    const [one, two] = [slotsOf(memory, floats, four), slotsOf(memory, floats, four)]
    const ones = four.map((_, i) => view(memory, floats)(one[i]).slice().fill(1))
    writeSlots(memory, floats)('one', one, ones)()
    expect(readSlots(memory, floats)(two)()).toEqual(ones.map((data) => data.slice().fill(0)))
    writeSlots(memory, floats)('two', two, ones)()
    freeSlots(memory, floats)(one)()
    const three = slotsOf(memory, floats, four)
    expect(three).toEqual(one)
    expect(readSlots(memory, floats)(three)()).toEqual(ones.map((data) => data.slice().fill(0)))
    expect(readSlots(memory, floats)(two)()).toEqual(ones)
  })

  it('leave nothing behind when they are given back, empty ones among them', () => {
    const memory = newMemory()
    const kept = slotsOf(memory, 'float32', [{ shape: [1], dtype: 'f32' }])
    const slots = slotsOf(memory, 'float64', [...four, { shape: [0], dtype: 'f32' }, { shape: [40], dtype: 'f32' }])
    expect(memory.inUse()).toBeGreaterThan(64)
    freeSlots(memory, 'float64')(slots)()
    expect(memory.inUse()).toBe(64)
    freeSlots(memory, 'float32')(kept)()
    expect(memory.inUse()).toBe(0)
  })

  it('are refused, with the number of bytes, where there is no such memory', () => {
    const huge: ReadonlyArray<Spec> = Array.from({ length: 2 ** 10 }, () => ({ shape: [2 ** 42], dtype: 'i32' }))
    const wanted = 2 ** 10 * 2 ** 42 * 4
    expect(allocateSlots(newMemory(), 'float32', huge)()).toMatchObject(E.left({ _tag: 'OutOfMemory', wanted }))
  })
})
