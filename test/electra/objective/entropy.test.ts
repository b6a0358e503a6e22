import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { countPieces } from '../../../src/electra/data/examples/fixed-corruption.js'
import { binaryEntropy, entropyOfCounts } from '../../../src/electra/objective/entropy.js'

const vocabSize = 40

const texts = fc.array(fc.integer({ min: 0, max: vocabSize - 1 }), { minLength: 1, maxLength: 200 })

describe('the entropy of pieces', () => {
  it('is the mean surprise of the tokens of a text, guessed by their frequencies in it', () => {
    fc.assert(
      fc.property(texts, (ids) => {
        const surprise = ids.map((id) => -Math.log(ids.filter((x) => x === id).length / ids.length))
        const mean = surprise.reduce((sum, x) => sum + x, 0) / ids.length
        expect(entropyOfCounts(countPieces(vocabSize)(Uint16Array.from(ids)))).toBeCloseTo(mean, 12)
      })
    )
  })

  it('is ln n of n that are equally frequent, 0 of one, and a coin’s of two', () => {
    expect(entropyOfCounts(Uint32Array.from([0, 3, 3, 3, 3, 0]))).toBeCloseTo(Math.log(4), 12)
    expect(entropyOfCounts(Uint32Array.from([0, 9]))).toBe(0)
    expect(entropyOfCounts(Uint32Array.from([3, 1]))).toBeCloseTo(binaryEntropy(0.25), 12)
  })
})
