import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hostBits, hostFold, hostKey, hostPermutation } from '../../src/tensor/keys.js'
import { literal } from '../../src/tensor/literal.js'
import { bits, fold, key } from '../../src/tensor/random.js'
import type { Words } from '../../src/tensor/threefry.js'
import { faultOf, plainOf, run } from '../plain.js'

const word = fc.integer({ min: 0, max: 2 ** 32 - 1 })
const keys: fc.Arbitrary<Words> = fc.tuple(word, word)
const seeds = fc.oneof(fc.nat(), fc.maxSafeNat())

describe('keys on the host', () => {
  it('are those of the tensor vocabulary, bit for bit', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        expect(plainOf(key(seed)).values).toEqual(hostKey(seed))
      })
    )
  })

  it('fold as tensors do', () => {
    fc.assert(
      fc.property(keys, word, (words, data) => {
        expect(run(fold(data)(literal([2], 'u32', words))).values).toEqual(hostFold(data)(words))
      })
    )
  })

  it('draw the bits that tensors draw', () => {
    fc.assert(
      fc.property(keys, fc.nat({ max: 9 }), (words, n) => {
        expect(run(bits([n])(literal([2], 'u32', words))).values).toEqual([...hostBits(n)(words)])
      })
    )
  })

  it('hold all 53 bits of a seed, low word first', () => {
    expect(hostKey(5)).toEqual([5, 0])
    expect(hostKey(3 * 2 ** 32 + 7)).toEqual([7, 3])
    expect(hostKey(Number.MAX_SAFE_INTEGER)).toEqual([2 ** 32 - 1, 2 ** 21 - 1])
  })

  it.each([-1, 0.5, 2 ** 53, NaN])('refuse the seed %d', (seed) => {
    expect(faultOf(() => hostKey(seed))).toMatchObject({ _tag: 'InvalidArgument', op: 'key', found: String(seed) })
  })

  it('refuse data that are no counter word', () => {
    expect(faultOf(() => hostFold(-1)([0, 0]))).toMatchObject({ op: 'fold', found: '-1' })
    expect(faultOf(() => hostFold(2 ** 32)([0, 0]))).toMatchObject({ op: 'fold' })
    expect(faultOf(() => hostBits(-1)([0, 0]))).toMatchObject({ op: 'bits' })
  })
})

describe('hostPermutation', () => {
  it('has every number below n once, and is a function of the key', () => {
    fc.assert(
      fc.property(keys, fc.nat({ max: 50 }), (words, n) => {
        const order = hostPermutation(n)(words)
        expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, i) => i))
        expect(hostPermutation(n)(words)).toEqual(order)
      })
    )
  })

  it('has each of the 24 orders of four things equally often', () => {
    const draws = 24_000
    const counts = new Map<string, number>()
    for (let i = 0; i < draws; i++) {
      const order = hostPermutation(4)(hostFold(i)(hostKey(1))).join('')
      counts.set(order, (counts.get(order) ?? 0) + 1)
    }
    const expected = draws / 24
    const chiSquare = [...counts.values()].reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0)
    expect(counts.size).toBe(24)
    // Chi-square with 23 degrees of freedom exceeds 56.5 with probability 1e-4, were another seed chosen.
    expect(chiSquare).toBeLessThan(56.5)
  })
})
