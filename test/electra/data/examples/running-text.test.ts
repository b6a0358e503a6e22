import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cutRunningText } from '../../../../src/electra/data/examples/running-text.js'
import { lay, rowOf, special } from './laid.js'

const documents = fc.array(fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 12 }), { maxLength: 6 })
const lengths = fc.integer({ min: 5, max: 40 })

describe('running text cut into rows', () => {
  it('has every token of the text exactly once, in the order of the text', () => {
    fc.assert(
      fc.property(documents, lengths, (sentences, sequenceLength) => {
        const text = lay(sentences)
        const rows = cutRunningText({ sequenceLength, special })(text)
        const inner = Array.from({ length: rows.count }, (_, i) => rowOf(rows, i).slice(1, rows.lengths[i] - 1)).flat()
        expect(inner).toEqual([...text.ids])
      })
    )
  })

  it('is [CLS] text [SEP], one segment, and zeros to the end', () => {
    fc.assert(
      fc.property(documents, lengths, (sentences, sequenceLength) => {
        const rows = cutRunningText({ sequenceLength, special })(lay(sentences))
        expect(rows.firstLengths).toEqual(rows.lengths)
        for (let i = 0; i < rows.count; i++) {
          const [ids, length] = [rowOf(rows, i), rows.lengths[i]]
          expect([ids[0], ids[length - 1]]).toEqual([special.cls, special.sep])
          expect(ids.slice(length)).toEqual(Array.from({ length: sequenceLength - length }, () => 0))
        }
      })
    )
  })

  it('never joins two documents, and has no more rows than each of them needs', () => {
    fc.assert(
      fc.property(documents, lengths, (sentences, sequenceLength) => {
        const rows = cutRunningText({ sequenceLength, special })(lay(sentences))
        const tokens = sentences.map((document) => document.reduce((sum, n) => sum + n, 0))
        const wanted = tokens.flatMap((n) => {
          const full = Array.from({ length: Math.floor(n / (sequenceLength - 2)) }, () => sequenceLength)
          const rest = n % (sequenceLength - 2)
          return rest === 0 ? full : [...full, rest + 2]
        })
        expect([...rows.lengths]).toEqual(wanted)
      })
    )
  })

  it('keeps ids of four bytes when the corpus has them', () => {
    const text = { ...lay([[3]]), ids: Uint32Array.from([70_000, 70_001, 70_002]) }
    expect(rowOf(cutRunningText({ sequenceLength: 6, special })(text), 0)).toEqual([2, 70_000, 70_001, 70_002, 3, 0])
  })
})
