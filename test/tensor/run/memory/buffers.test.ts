import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { allocate, dtypes } from '../../../../src/tensor/dtype.js'
import { createMemory } from '../../../../src/tensor/run/memory/memory.js'
import { allocateBuffers, fillBuffers } from '../../../../src/tensor/run/memory/buffers.js'
import { sizeOf } from '../../../../src/tensor/shape.js'
import { collectUntil } from './collect-garbage.js'

const right = <L, A>(e: E.Either<L, A>): A => {
  if (E.isLeft(e)) throw new Error(JSON.stringify(e.left))
  return e.right
}

const specs = fc.array(
  fc.record({ shape: fc.array(fc.nat(20), { maxLength: 3 }), dtype: fc.constantFrom(...dtypes) }),
  { maxLength: 8 }
)

describe('buffers', () => {
  it('are zeroed arrays in the memory, each its own, that hold what they are filled with', () => {
    fc.assert(
      fc.property(specs, fc.constantFrom('float32', 'float64'), fc.boolean(), (specs, floats, shared) => {
        const memory = right(createMemory({ shared }))
        const buffers = right(allocateBuffers(memory, floats)(specs))
        const empty = specs.map(({ shape, dtype }) => allocate(dtype, sizeOf(shape), floats))
        expect(buffers.views()).toEqual(empty)
        expect(buffers.views().every((data) => memory.addressOf(data) !== undefined)).toBe(true)
        const filled = empty.map((data, i) => data.fill(i % 2))
        fillBuffers(buffers, filled)
        // Views are made anew: a memory that grows does not take the arrays away.
        right(memory.allocate(2 ** 17))
        expect(buffers.views()).toEqual(filled)
      })
    )
  })

  it('round and widen f32 to the width they have', () => {
    const memory = right(createMemory())
    const [single, double] = (['float32', 'float64'] as const).map((floats) =>
      right(allocateBuffers(memory, floats)([{ shape: [1], dtype: 'f32' }]))
    )
    fillBuffers(single, [Float64Array.of(0.1)])
    fillBuffers(double, [Float32Array.of(0.1)])
    expect([...single.views(), ...double.views()]).toEqual([Float32Array.of(0.1), Float64Array.of(Math.fround(0.1))])
  })

  it('are refused where the memory has none', () => {
    expect(allocateBuffers(right(createMemory()), 'float32')([{ shape: [2 ** 31], dtype: 'i32' }])).toMatchObject(
      E.left({ _tag: 'OutOfMemory', wanted: 2 ** 33 })
    )
  })

  it('are all there or none: what was taken before one is refused goes back', () => {
    const memory = right(createMemory({ limit: 2 ** 17 }))
    const specs = [{ shape: [100], dtype: 'f32' } as const, { shape: [2 ** 16], dtype: 'f32' } as const]
    expect(E.isLeft(allocateBuffers(memory, 'float32')(specs))).toBe(true)
    expect(memory.inUse()).toBe(0)
  })

  it('go back when they are released, once', () => {
    const memory = right(createMemory())
    const [one, two] = [1, 2].map((n) => right(allocateBuffers(memory, 'float32')([{ shape: [16 * n], dtype: 'f32' }])))
    one.release()
    one.release()
    expect(memory.inUse()).toBe(128)
    two.release()
    expect(memory.inUse()).toBe(0)
  })

  it('that were dropped go back before any are refused, without anybody asking the engine to collect', async () => {
    const memory = right(createMemory({ limit: 2 ** 20 }))
    const take = allocateBuffers(memory, 'float32')
    const held = right(take([{ shape: [16], dtype: 'f32' }]))
    for (let i = 0; i < 12; i++) {
      right(take([{ shape: [2 ** 16], dtype: 'f32' }]))
      // What was made in a turn of the event loop is collected in a later one.
      await new Promise((turn) => setTimeout(turn))
    }
    const views = held.views()
    fillBuffers(held, [new Float32Array(16).fill(1)])
    expect(views).toEqual([new Float32Array(16).fill(1)])
  })

  it('go back to the memory when nobody holds them any more, and only then', async () => {
    const memory = right(createMemory())
    const held = right(allocateBuffers(memory, 'float32')([{ shape: [16], dtype: 'f32' }]))
    for (let i = 0; i < 10; i++) right(allocateBuffers(memory, 'float32')([{ shape: [1000], dtype: 'f32' }]))
    expect(memory.inUse()).toBeGreaterThan(40_000)
    await collectUntil(() => memory.inUse() === 64)
    expect(memory.inUse()).toBe(64)
    fillBuffers(held, [new Float32Array(16).fill(1)])
    expect(held.views()).toEqual([new Float32Array(16).fill(1)])
  })
})
