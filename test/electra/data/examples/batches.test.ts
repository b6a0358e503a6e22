import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { batchStream } from '../../../../src/electra/data/examples/batches.js'
import type { Examples } from '../../../../src/electra/data/examples/examples.js'
import { hostKey } from '../../../../src/tensor/keys.js'

/** Examples of length 6 whose second id is their number. */
const numbered = (count: number): Examples => ({
  count,
  sequenceLength: 6,
  ids: Uint16Array.from(Array.from({ length: count }, (_, i) => [2, i, 3, 9, 3, 0]).flat()),
  lengths: new Uint32Array(count).fill(5),
  firstLengths: new Uint32Array(count).fill(3)
})

const sizes = { count: fc.integer({ min: 1, max: 40 }), batchSize: fc.integer({ min: 1, max: 50 }), seed: fc.nat() }

const stream = (count: number, batchSize: number, seed: number) =>
  batchStream({ examples: numbered(count), batchSize, key: hostKey(seed) })

describe('the stream of batches', () => {
  it('holds every example exactly once in every epoch', () => {
    fc.assert(
      fc.property(sizes.count, sizes.batchSize, sizes.seed, (count, batchSize, seed) => {
        const { indicesAt } = stream(count, batchSize, seed)
        const epochs = 3
        const batches = Math.ceil((epochs * count) / batchSize)
        const order = Array.from({ length: batches }, (_, n) => indicesAt(n)).flat()
        for (let epoch = 0; epoch < epochs; epoch++)
          expect(order.slice(epoch * count, (epoch + 1) * count).sort((a, b) => a - b)).toEqual(
            Array.from({ length: count }, (_, i) => i)
          )
      })
    )
  })

  it('gives the same batch wherever reading starts', () => {
    fc.assert(
      fc.property(
        sizes.count,
        sizes.batchSize,
        sizes.seed,
        fc.array(fc.nat(60), { maxLength: 8 }),
        (count, batchSize, seed, ns) => {
          const jumping = stream(count, batchSize, seed)
          for (const n of ns) expect(jumping.at(n)).toEqual(stream(count, batchSize, seed).at(n))
        }
      )
    )
  })

  it('is in another order in another epoch and for another seed', () => {
    const { indicesAt } = stream(100, 100, 7)
    expect(indicesAt(0)).not.toEqual(indicesAt(1))
    expect(indicesAt(0)).not.toEqual(stream(100, 100, 8).indicesAt(0))
  })

  it('lays examples out as ids, mask and segments', () => {
    const batch = stream(3, 2, 1)
    const [first, second] = batch.indicesAt(0)
    expect(batch.at(0)).toEqual({
      batchSize: 2,
      sequenceLength: 6,
      inputIds: Int32Array.from([2, first, 3, 9, 3, 0, 2, second, 3, 9, 3, 0]),
      attentionMask: Int32Array.from([1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 0]),
      tokenTypeIds: Int32Array.from([0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 1, 0])
    })
  })

  it('puts every example in every place about equally often', () => {
    const count = 6
    const epochs = 3000
    const { indicesAt } = stream(count, count, 42)
    const seen = Array.from({ length: count }, () => new Array<number>(count).fill(0))
    for (let epoch = 0; epoch < epochs; epoch++)
      indicesAt(epoch).forEach((example, place) => (seen[place][example] += 1))
    const expected = epochs / count
    const chiSquare = seen.flat().reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0)
    // 25 degrees of freedom: 1 in 10^5 exceeds 65.9. The seed is fixed, so the verdict is too.
    expect(chiSquare).toBeLessThan(65.9)
  })
})
