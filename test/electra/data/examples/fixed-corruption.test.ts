import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { corruptText, countPieces } from '../../../../src/electra/data/examples/fixed-corruption.js'
import type { Sentences } from '../../../../src/electra/data/sentences.js'
import { hostKey } from '../../../../src/tensor/keys.js'

const vocabSize = 40

/** One document of one sentence. */
const textOf = (ids: ReadonlyArray<number>): Sentences => ({
  ids: Uint16Array.from(ids),
  sentenceEnds: Uint32Array.of(ids.length),
  documentEnds: Uint32Array.of(1)
})

const pieces = fc.integer({ min: 0, max: vocabSize - 1 })
const texts = fc.array(pieces, { minLength: 1, maxLength: 200 }).map(textOf)
const rates = fc.integer({ min: 0, max: 100 }).map((n) => n / 100)

const corrupted = (text: Sentences, rate: number, seed: number, counts = countPieces(vocabSize)(text.ids)) =>
  corruptText({ counts, rate, key: hostKey(seed) })(text)

const changed = (a: Sentences, b: Sentences): number => [...a.ids].filter((id, i) => id !== b.ids[i]).length

describe('the fixed corruption of a text', () => {
  it('is decided by its key and the place of each token', () => {
    fc.assert(
      fc.property(texts, rates, fc.nat(), fc.nat({ max: 199 }), (text, rate, seed, at) => {
        const counts = new Uint32Array(vocabSize).fill(1)
        const whole = corrupted(text, rate, seed, counts)
        expect(corrupted(text, rate, seed, counts)).toEqual(whole)
        // Other text after a place changes nothing before it.
        const shorter = textOf([...text.ids.subarray(0, Math.max(1, at % text.ids.length))])
        const part = corrupted(shorter, rate, seed, counts).ids
        expect([...part]).toEqual([...whole.ids.subarray(0, part.length)])
      })
    )
  })

  it('leaves the given text, its sentences and its documents as they are', () => {
    fc.assert(
      fc.property(texts, rates, fc.nat(), (text, rate, seed) => {
        const before = [...text.ids]
        const { ids, ...ends } = corrupted(text, rate, seed)
        expect([...text.ids]).toEqual(before)
        expect(ends).toEqual({ sentenceEnds: text.sentenceEnds, documentEnds: text.documentEnds })
        expect(ids).toHaveLength(text.ids.length)
      })
    )
  })

  it('writes only pieces that occur', () => {
    fc.assert(
      fc.property(texts, fc.nat(), (text, seed) => {
        const known = new Set(text.ids)
        expect([...corrupted(text, 1, seed).ids].every((id) => known.has(id))).toBe(true)
      })
    )
  })

  it('replaces nothing at rate 0, and draws every token at rate 1', () => {
    const text = textOf(Array.from({ length: 500 }, () => 3))
    const counts = new Uint32Array(vocabSize)
    counts[7] = 1
    expect(changed(text, corrupted(text, 0, 1, counts))).toBe(0)
    expect(changed(text, corrupted(text, 1, 1, counts))).toBe(500)
  })

  it('draws as many tokens as the rate says, and each piece as often as its frequency says', () => {
    const n = 200_000
    // The text has piece 0 alone, which is never drawn: every token drawn is seen.
    const text = textOf(Array.from({ length: n }, () => 0))
    const counts = Uint32Array.from({ length: vocabSize }, (_, id) => (id === 0 || id % 5 === 3 ? 0 : id))
    const total = counts.reduce((sum, x) => sum + x, 0)
    const { ids } = corrupted(text, 0.15, 11, counts)
    const found = countPieces(vocabSize)(ids)
    const drawn = n - found[0]
    // Five standard deviations of the binomial distributions.
    expect(Math.abs(drawn - 0.15 * n)).toBeLessThan(5 * Math.sqrt(n * 0.15 * 0.85))
    counts.forEach((count, id) => {
      const p = count / total
      if (id !== 0) expect(Math.abs(found[id] - drawn * p)).toBeLessThanOrEqual(5 * Math.sqrt(drawn * p * (1 - p)))
    })
  })
})
