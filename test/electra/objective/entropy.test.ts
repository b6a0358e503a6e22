import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { countPieces } from '../../../src/electra/data/examples/fixed-corruption.js'
import { binaryEntropy, entropyOfCounts, unmaskedEntropy } from '../../../src/electra/objective/entropy.js'

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

describe('the entropy of selected tokens that are not masked', () => {
  const laws = fc.record({
    counts: fc
      .array(fc.nat({ max: 20 }), { minLength: 1, maxLength: 8 })
      .filter((ns) => ns.some((n) => n > 0))
      .map((ns) => Uint32Array.from(ns)),
    replaceProbability: fc.integer({ min: 0, max: 10 }).map((x) => x / 10),
    random: fc.integer({ min: 0, max: 10 }).map((x) => x / 10)
  })

  it('is the mean surprise of Bayes’ guess from what is shown', () => {
    fc.assert(
      fc.property(laws, ({ counts, replaceProbability, random }) => {
        const randomProbability = random * (1 - replaceProbability)
        const found = unmaskedEntropy({ replaceProbability, randomProbability }, counts)
        const total = counts.reduce((sum, n) => sum + n, 0)
        const kept = 1 - replaceProbability - randomProbability
        const joint = (v: number, s: number): number =>
          (counts[v] / total) * (randomProbability / counts.length + (v === s ? kept : 0))
        const ids = Array.from(counts.keys())
        const surprises = ids.flatMap((s) => {
          const shown = ids.reduce((sum, v) => sum + joint(v, s), 0)
          return ids.map((v) => (joint(v, s) === 0 ? 0 : -joint(v, s) * Math.log(joint(v, s) / shown)))
        })
        expect(found).toBeCloseTo(
          surprises.reduce((sum, x) => sum + x, 0),
          12
        )
      })
    )
  })
})
