import fc from 'fast-check'
import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import {
  byteLengthOf,
  bytesPerId,
  decodeSentences,
  encodeSentences,
  type Counts,
  type Sentences
} from '../../../src/electra/data/sentences.js'
import { left, right } from './right.js'

const vocabularySizes = fc.constantFrom(50, 65536, 65537, 100_000)

/** Documents of sentences of ids below the size. */
const texts = (size: number) =>
  fc.array(fc.array(fc.array(fc.nat(size - 1), { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 4 }), {
    maxLength: 5
  })

const lay = (documents: ReadonlyArray<ReadonlyArray<ReadonlyArray<number>>>, size: number): Sentences => {
  const ids = documents.flat(2)
  let tokens = 0
  let sentences = 0
  return {
    ids: bytesPerId(size) === 2 ? Uint16Array.from(ids) : Uint32Array.from(ids),
    sentenceEnds: Uint32Array.from(documents.flat(), (sentence) => (tokens += sentence.length)),
    documentEnds: Uint32Array.from(documents, (document) => (sentences += document.length))
  }
}

const countsOf = (s: Sentences): Counts => ({
  documents: s.documentEnds.length,
  sentences: s.sentenceEnds.length,
  tokens: s.ids.length
})

describe('sentences as bytes', () => {
  const written = vocabularySizes.chain((size) => texts(size).map((text) => ({ size, sentences: lay(text, size) })))

  it('come back as they were', () => {
    fc.assert(
      fc.property(written, ({ size, sentences }) => {
        const bytes = encodeSentences(sentences)
        expect(bytes.length).toBe(byteLengthOf(countsOf(sentences), bytesPerId(size)))
        expect(right(decodeSentences(countsOf(sentences), size)(bytes))).toEqual(sentences)
      })
    )
  })

  it('are laid out as the format says', () => {
    const bytes = encodeSentences(lay([[[1, 2], [258]], [[4, 5]]], 1000))
    // Five ids of two bytes, two of padding, three sentence ends, two document ends.
    expect([...bytes]).toEqual([
      1, 0, 2, 0, 2, 1, 4, 0, 5, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 5, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0
    ])
  })

  it('cut short or grown are refused by their length', () => {
    fc.assert(
      fc.property(written, fc.integer({ min: -8, max: 8 }), ({ size, sentences }, change) => {
        fc.pre(change !== 0)
        const bytes = encodeSentences(sentences)
        fc.pre(bytes.length + change >= 0)
        const changed = new Uint8Array(bytes.length + change)
        changed.set(bytes.subarray(0, changed.length))
        expect(left(decodeSentences(countsOf(sentences), size)(changed))).toEqual({
          found: `${changed.length} bytes`,
          expected: `${bytes.length} bytes`
        })
      })
    )
  })

  it('are sentences or refused, whatever they are', () => {
    const count = fc.nat(6)
    const hostile = fc
      .tuple(fc.record({ documents: count, sentences: count, tokens: count }), vocabularySizes)
      .chain(([counts, size]) => {
        const length = byteLengthOf(counts, bytesPerId(size))
        const small = fc.array(fc.constantFrom(0, 0, 0, 1, 2, 3, 255), { minLength: length, maxLength: length })
        return small.map((bytes) => ({ counts, size, bytes: Uint8Array.from(bytes) }))
      })
    fc.assert(
      fc.property(hostile, ({ counts, size, bytes }) => {
        const result = decodeSentences(counts, size)(bytes)
        if (E.isLeft(result)) return
        const { ids, sentenceEnds, documentEnds } = result.right
        expect(ids.every((id) => id < size)).toBe(true)
        expect(sentenceEnds.every((end, i) => end > (sentenceEnds[i - 1] ?? 0))).toBe(true)
        expect(documentEnds.every((end, i) => end > (documentEnds[i - 1] ?? 0))).toBe(true)
        expect([sentenceEnds.at(-1) ?? 0, documentEnds.at(-1) ?? 0]).toEqual([counts.tokens, counts.sentences])
      }),
      { numRuns: 1000 }
    )
  })
})
