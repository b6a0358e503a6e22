import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeTaggedWords, paddedTags, taggedRow } from '../../../../src/electra/tasks/features/tagged-words.js'
import { rightOf } from '../../data/right.js'
import { bert, tokenizer } from './cases.js'

const special = { cls: 101, sep: 102, unk: 100 }
const words = fc.array(fc.array(fc.integer({ min: 1000, max: 1100 }), { maxLength: 3 }), { maxLength: 8 })

describe('the row of a sentence for tagging', () => {
  it('holds all pieces of each word before the cut, and its place is that of the first', () => {
    fc.assert(
      fc.property(words, fc.integer({ min: 2, max: 20 }), (given, length) => {
        const row = taggedRow(special, length)(given)
        expect(row.ids.length).toBeLessThanOrEqual(length)
        const kept = given.slice(0, row.positions.length).map((word) => (word.length === 0 ? [100] : word))
        expect(row.ids).toEqual([101, ...kept.flat(), 102])
        row.positions.forEach((at, i) => expect(row.ids[at]).toBe(kept[i][0]))
        expect(row.types).toEqual(row.ids.map(() => 1))
        expect(row.wordCount).toBe(given.length)
        // A word is left out only where its own pieces do not fit.
        const next = given.at(row.positions.length)
        if (next !== undefined) expect(row.ids.length + Math.max(1, next.length)).toBeGreaterThan(length)
      })
    )
  })

  it('of many short words is not cut early', () => {
    // The published code would stop at the tenth word of these.
    expect(taggedRow(special, 20)(Array.from({ length: 18 }, () => [1000])).positions.length).toBe(18)
  })

  it('has the pieces of each word by itself, and [UNK] for one of which nothing is left', async () => {
    const [row] = await rightOf(encodeTaggedWords(tokenizer, 12)([['Unaffable', '\u200b', '(1889)', 'cat']]))
    expect(row.ids.map((id) => bert.pieces[id]).join(' ')).toBe('[CLS] una ##ffa ##ble [UNK] ( 1889 ) cat [SEP]')
    expect(row.positions).toEqual([1, 4, 5, 8])
  })
})

describe('padded tags', () => {
  it('have weight 1 for the words before the cut', () => {
    const rows = [taggedRow(special, 5)([[1], [2], [3], [4]]), taggedRow(special, 5)([[1, 1]])]
    expect(paddedTags(4, rows, [[5, 6, 7, 8], [9]])).toEqual({
      positions: Int32Array.of(1, 2, 3, 0, 1, 0, 0, 0),
      labels: Int32Array.of(5, 6, 7, 0, 9, 0, 0, 0),
      weights: Float32Array.of(1, 1, 1, 0, 1, 0, 0, 0)
    })
  })
})
