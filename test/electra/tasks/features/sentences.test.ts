import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { padRows } from '../../../../src/electra/tasks/features/rows.js'
import { encodeSentenceTexts, keptOfPair, sentenceRow } from '../../../../src/electra/tasks/features/sentences.js'
import { left, rightOf } from '../../data/right.js'
import { bert, tokenizer } from './cases.js'
import { attempt } from '../../../../src/tensor/program/trace.js'

const special = { cls: 101, sep: 102 }
const ids = fc.array(fc.integer({ min: 1000, max: 1100 }), { maxLength: 12 })
const length = fc.integer({ min: 3, max: 20 })

describe('a pair that is too long', () => {
  it('loses the last piece of the longer one, of the second where both are equal, until it fits', () => {
    expect(keptOfPair(9, 5, 5)).toEqual([5, 4])
    expect(keptOfPair(8, 5, 5)).toEqual([4, 4])
    expect(keptOfPair(7, 9, 2)).toEqual([5, 2])
    expect(keptOfPair(0, 3, 3)).toEqual([0, 0])
  })

  it('keeps all of the shorter one, or half of the room of each', () => {
    fc.assert(
      fc.property(fc.nat(12), fc.nat(12), fc.nat(12), (room, a, b) => {
        expect(keptOfPair(room, a, b)).toEqual([
          Math.min(a, Math.max(room - b, Math.ceil(room / 2))),
          Math.min(b, Math.max(room - a, Math.floor(room / 2)))
        ])
      })
    )
  })
})

describe('the row of sentences', () => {
  it('holds beginnings of both between special tokens, the second in segment 1, and fits', () => {
    fc.assert(
      fc.property(ids, fc.option(ids, { nil: undefined }), length, (first, second, n) => {
        const row = sentenceRow(special, n)(first, second)
        expect(row.ids.length).toBeLessThanOrEqual(n)
        expect(row.ids[0]).toBe(101)
        const at = row.ids.indexOf(102)
        expect(row.ids.slice(1, at)).toEqual(first.slice(0, at - 1))
        expect(row.types).toEqual(row.ids.map((_, i) => (i > at ? 1 : 0)))
        if (second === undefined) expect(at).toBe(row.ids.length - 1)
        else {
          expect(row.ids.at(-1)).toBe(102)
          expect(row.ids.slice(at + 1, -1)).toEqual(second.slice(0, row.ids.length - at - 2))
        }
        const whole = first.length + (second === undefined ? 2 : second.length + 3)
        expect(row.isTruncated).toBe(whole > n)
        expect(row.ids.length).toBe(Math.min(n, whole))
      })
    )
  })

  it('of texts is made of their pieces, in order', async () => {
    const rows = await rightOf(
      encodeSentenceTexts(
        tokenizer,
        8
      )([
        { first: 'unaffable', second: 'The cat' },
        { first: 'The quick brown fox jumps over' },
        { first: 'a', second: '' }
      ])
    )
    expect(rows.map((row) => row.ids.map((id) => bert.pieces[id]).join(' '))).toEqual([
      '[CLS] una ##ffa ##ble [SEP] the cat [SEP]',
      '[CLS] the quick brown fox jumps over [SEP]',
      '[CLS] a [SEP] [SEP]'
    ])
    expect(rows.map(({ types }) => types.join(''))).toEqual(['00000111', '00000000', '0001'])
  })
})

describe('padded rows', () => {
  it('have 0 behind what is real', () => {
    expect(padRows(4, [sentenceRow(special, 4)([7], undefined), { ids: [1], types: [1] }])).toEqual({
      ids: Int32Array.of(101, 7, 102, 0, 1, 0, 0, 0),
      mask: Int32Array.of(1, 1, 1, 0, 1, 0, 0, 0),
      types: Int32Array.of(0, 0, 0, 0, 1, 0, 0, 0)
    })
  })

  it('are refused where they are too long', () => {
    const refused = left(attempt(() => padRows(2, [{ ids: [1, 2, 3], types: [0, 0, 0] }])))
    expect(refused).toMatchObject({ _tag: 'InvalidArgument', expected: 'at most 2' })
  })
})
