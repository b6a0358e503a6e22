import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import {
  parseVocabulary,
  printVocabulary,
  showVocabularyError,
  specialPieces,
  trainedSpecial
} from '../../../../src/electra/data/vocabulary/vocabulary.js'
import { left, right } from '../right.js'

const parse = (text: string | Uint8Array) =>
  parseVocabulary('v.txt')(typeof text === 'string' ? new TextEncoder().encode(text) : text)

const specials = specialPieces.join('\n')

describe('a vocabulary', () => {
  it("read from BERT's file has its ids", () => {
    const bert = right(parse(readFileSync('test/fixtures/bert-base-uncased-vocab.txt')))
    expect(bert.pieces).toHaveLength(30522)
    expect(bert.special).toEqual({ pad: 0, unk: 100, cls: 101, sep: 102, mask: 103 })
    expect(bert.idOf.get('!')).toBe(999)
  })

  it('is the same after printing and parsing', () => {
    const piece = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }).filter((p) => !/[\0\n\r]/.test(p))
    fc.assert(
      fc.property(
        fc.uniqueArray(
          piece.filter((p) => !p.startsWith('[')),
          { minLength: 1, maxLength: 20 }
        ),
        (pieces) => {
          const vocabulary = right(parse([...specialPieces, ...pieces].join('\n')))
          expect(vocabulary.pieces).toEqual([...specialPieces, ...pieces])
          expect(right(parse(printVocabulary(vocabulary)))).toEqual(vocabulary)
          expect(vocabulary.special).toEqual(trainedSpecial)
        }
      )
    )
  })

  it('may end its lines as Windows does, and need not end the last one', () => {
    expect(right(parse(`${specials}\nthe\n`.replaceAll('\n', '\r\n')))).toEqual(right(parse(`${specials}\nthe`)))
  })

  // What `dict` and `readlines` of Python make of the same files.
  it('numbers lines as transformers does: U+2028 ends none, empty ones count, and of two alike the last', () => {
    const { pieces, idOf } = right(parse(`${specials}\na\n\u2028\n\n b\na\r\nc\rd\n\n\n`))
    expect(pieces.slice(5)).toEqual(['a', '\u2028', '', ' b', 'a', 'c', 'd'])
    expect(['a', '\u2028', ' b', 'c', 'd'].map((piece) => idOf.get(piece))).toEqual([9, 6, 8, 10, 11])
    expect(idOf.has('')).toBe(false)
  })

  it.each([
    ['nothing', '', 'v.txt, line 1: found no pieces, expected [PAD]'],
    ['another piece at id 0', `the\n${specials}`, 'v.txt, line 1: found "the", expected [PAD], whose id is 0'],
    ['[PAD] again', `${specials}\na\n[PAD]\n`, 'v.txt, line 7: found [PAD] again, expected [PAD] at id 0 alone'],
    ['a NUL byte', `${specials}\na\0b\n`, 'v.txt, line 6: found a NUL byte, expected UTF-8 text'],
    [
      'no [MASK]',
      '[PAD]\n[UNK]\n[CLS]\n[SEP]\nthe\n',
      'v.txt, line 6: found the end, expected [MASK], which is nowhere'
    ],
    ['special pieces alone', specials, 'v.txt, line 6: found the end, expected at least one piece of text'],
    [
      'an over-long line',
      `${specials}\n${'x'.repeat(1001)}`,
      'v.txt, line 6: found a piece of 1001 characters, expected at most 1000'
    ],
    [
      'bytes that are not UTF-8',
      new Uint8Array([...new TextEncoder().encode(specials), 10, 0xff, 10]),
      'v.txt, line 6: found bytes that are not UTF-8, expected UTF-8 text'
    ]
  ])('with %s is refused with its line', (_, text, message) => {
    expect(showVocabularyError(left(parse(text)))).toBe(message)
  })

  it('parses or is refused, whatever its bytes are', () => {
    const almost = fc.tuple(fc.nat(), fc.uint8Array({ maxLength: 4 })).map(([at, bytes]) => {
      const text = [...new TextEncoder().encode(`${specials}\na\n##b\n`)]
      text.splice(at % text.length, bytes.length, ...bytes)
      return Uint8Array.from(text)
    })
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 60 }), almost), (bytes) => {
        const result = parse(bytes)
        if (E.isRight(result)) {
          const { pieces, idOf, special } = result.right
          expect([...idOf].every(([piece, id]) => pieces.lastIndexOf(piece) === id)).toBe(true)
          expect(pieces.every((piece) => piece === '' || idOf.has(piece))).toBe(true)
          expect([special.pad, special.unk, special.cls, special.sep, special.mask].map((id) => pieces[id])).toEqual([
            ...specialPieces
          ])
        }
      }),
      { numRuns: 500 }
    )
  })
})
