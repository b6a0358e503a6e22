import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checksum } from '../../../src/workers/ranks/checksum.js'

const bytes = fc.uint8Array({ minLength: 1, maxLength: 40 })

describe('a checksum', () => {
  it('is MurmurHash3 over whole words, as its author gives it but for the final mixing', () => {
    // The rounds of MurmurHash3_x86_32 for seed 0, in integers of any size.
    const mod = (x: bigint): bigint => x & 0xffffffffn
    const rotate = (x: bigint, by: bigint): bigint => mod(x << by) | (x >> (32n - by))
    const reference = (words: ReadonlyArray<number>): number =>
      Number(
        words.reduce((h, word) => {
          const k = mod(rotate(mod(BigInt(word) * 0xcc9e2d51n), 15n) * 0x1b873593n)
          return mod(rotate(h ^ k, 13n) * 5n + 0xe6546b64n)
        }, 0n)
      )
    fc.assert(
      fc.property(fc.uint32Array({ maxLength: 10 }), (words) => {
        expect(checksum([words]) >>> 0).toBe(reference([...words]))
      })
    )
  })

  it('is the same for the same bytes, whatever they are read as', () =>
    fc.assert(
      fc.property(fc.float32Array({ maxLength: 20 }), (floats) => {
        expect(checksum([floats])).toBe(checksum([new Int32Array(floats.buffer)]))
      })
    ))

  it('is another where one byte is another', () =>
    fc.assert(
      fc.property(bytes, fc.nat(), fc.integer({ min: 1, max: 255 }), (data, place, change) => {
        const other = data.slice()
        other[place % data.length] ^= change
        expect(checksum([other])).not.toBe(checksum([data]))
      })
    ))

  it('is another where two words have lost their signs, or have changed places', () => {
    const two = (a: number, b: number): number => checksum([Float32Array.of(a, b)])
    expect(two(-1, -2)).not.toBe(two(1, 2))
    expect(two(2, 1)).not.toBe(two(1, 2))
  })
})
