import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { allocate, dtypes } from '../../../src/tensor/dtype.js'
import { createMemory } from '../../../src/tensor/run/memory.js'
import { fillRooms, roomFor, viewsOf } from '../../../src/tensor/run/room.js'
import { sizeOf } from '../../../src/tensor/shape.js'
import { collectUntil } from './collect-garbage.js'

const right = <L, A>(e: E.Either<L, A>): A => {
  if (E.isLeft(e)) throw new Error(JSON.stringify(e.left))
  return e.right
}

const specs = fc.array(
  fc.record({ shape: fc.array(fc.nat(20), { maxLength: 3 }), dtype: fc.constantFrom(...dtypes) }),
  { maxLength: 8 }
)

describe('rooms', () => {
  it('are zeroed arrays in the memory, each its own, that hold what they are filled with', () => {
    fc.assert(
      fc.property(specs, fc.constantFrom('float32', 'float64'), fc.boolean(), (specs, floats, shared) => {
        const memory = right(createMemory({ shared }))
        const rooms = right(roomFor(memory, floats)(specs))
        const empty = specs.map(({ shape, dtype }) => allocate(dtype, sizeOf(shape), floats))
        expect(viewsOf(rooms)).toEqual(empty)
        expect(viewsOf(rooms).every((data) => memory.addressOf(data) !== undefined)).toBe(true)
        const filled = empty.map((data, i) => data.fill(i % 2))
        fillRooms(rooms, filled)
        // Views are made anew: a memory that grows does not take the arrays away.
        right(memory.allocate(2 ** 17))
        expect(viewsOf(rooms)).toEqual(filled)
      })
    )
  })

  it('round and widen f32 to the width they have', () => {
    const memory = right(createMemory())
    const [single, double] = (['float32', 'float64'] as const).map((floats) =>
      right(roomFor(memory, floats)([{ shape: [1], dtype: 'f32' }]))
    )
    fillRooms(single, [Float64Array.of(0.1)])
    fillRooms(double, [Float32Array.of(0.1)])
    expect(viewsOf([...single, ...double])).toEqual([Float32Array.of(0.1), Float64Array.of(Math.fround(0.1))])
  })

  it('are refused where the memory has none', () => {
    expect(roomFor(right(createMemory()), 'float32')([{ shape: [2 ** 31], dtype: 'i32' }])).toMatchObject(
      E.left({ _tag: 'OutOfMemory', wanted: 2 ** 33 })
    )
  })

  it('go back to the memory when nobody holds them any more, and only then', async () => {
    const memory = right(createMemory())
    const held = right(roomFor(memory, 'float32')([{ shape: [16], dtype: 'f32' }]))
    for (let i = 0; i < 10; i++) right(roomFor(memory, 'float32')([{ shape: [1000], dtype: 'f32' }]))
    expect(memory.inUse()).toBeGreaterThan(40_000)
    await collectUntil(() => memory.inUse() === 64)
    expect(memory.inUse()).toBe(64)
    fillRooms(held, [new Float32Array(16).fill(1)])
    expect(viewsOf(held)).toEqual([new Float32Array(16).fill(1)])
  })
})
