import fc from 'fast-check'
import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import { createMemory, type Memory } from '../../../src/tensor/run/memory/memory.js'
import { workspaceMemory } from '../../../src/workers/pool/workspace.js'

const newMemory = (): Memory => {
  const made = createMemory()
  if (E.isLeft(made)) throw new Error('no memory was made')
  return made.right
}

describe('a workspace', () => {
  it('gives its block to whoever asks for no more, once until it is given back, and never allocates', () => {
    fc.assert(
      fc.property(fc.nat({ max: 9 }), fc.nat({ max: 9 }), (units, wanted) => {
        const whole = newMemory()
        const { memory, use, missing } = workspaceMemory(whole)
        const block = { address: 640, bytes: 64 * units }
        use(block)
        const bytes = 64 * wanted + 1
        const fits = bytes <= block.bytes
        expect(E.isRight(memory.allocate(bytes))).toBe(fits)
        expect(missing()).toEqual(fits ? undefined : { bytes, least: bytes })
        if (fits) {
          expect(memory.allocate(1)).toEqual(
            E.left({ _tag: 'OutOfMemory', wanted: 1, inUse: bytes, limit: block.bytes })
          )
          memory.free(block.address, bytes)
          expect(memory.allocate(bytes)).toEqual(E.right(block.address))
        }
        expect(whole.inUse()).toBe(0)
      })
    )
  })

  it('asks for what the first allocation missed, or else the last, until it has another workspace', () => {
    const { memory, use, missing } = workspaceMemory(newMemory())
    expect(E.isLeft(memory.allocate(100))).toBe(true)
    expect(E.isLeft(memory.allocate(50))).toBe(true)
    expect(missing()).toEqual({ bytes: 100, least: 50 })
    use({ address: 128, bytes: 100 })
    expect(missing()).toBeUndefined()
    expect(memory.allocate(100)).toEqual(E.right(128))
  })

  it('has nothing against nothing', () => {
    const { memory, missing } = workspaceMemory(newMemory())
    expect(E.isRight(memory.allocate(0))).toBe(true)
    expect(missing()).toBeUndefined()
  })
})
