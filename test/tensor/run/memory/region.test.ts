import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createMemory } from '../../../../src/tensor/run/memory/memory.js'
import { regionIn } from '../../../../src/tensor/run/memory/region.js'

const limit = 2 ** 18

const right = <L, A>(e: E.Either<L, A>): A => {
  if (E.isLeft(e)) throw new Error(JSON.stringify(e.left))
  return e.right
}

const needs = fc.array(fc.record({ units: fc.integer({ min: 1, max: limit / 32 }), runs: fc.boolean() }), {
  minLength: 1,
  maxLength: 12
})

describe('the working memory of a device', () => {
  it('is had by exactly those programs that fit, whatever was reserved or refused before', () => {
    fc.assert(
      fc.property(needs, fc.nat(limit / 64 / 2), (programs, heldUnits) => {
        const memory = right(createMemory({ limit }))
        right(memory.allocate(64 * heldUnits))
        const { reserve, take, release } = regionIn(() => E.right(memory))
        for (const { units, runs } of programs) {
          const bytes = 64 * units
          reserve(bytes)
          if (runs) expect(E.isRight(take(bytes))).toBe(bytes + 64 * heldUnits < limit)
        }
        release()
        expect(memory.inUse()).toBe(64 * heldUnits)
      })
    )
  })

  it('is as large at once as the largest that was reserved, so that it never moves', () => {
    const memory = right(createMemory({ limit }))
    const { reserve, take } = regionIn(() => E.right(memory))
    reserve(640)
    const first = right(take(64))
    expect(memory.inUse()).toBe(640)
    expect(right(take(640))).toBe(first)
  })
})
