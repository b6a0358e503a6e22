/**
 * WordPiece vocabularies: a list of pieces, one a line, whose id is the line's number counted from 0.
 *
 * Every vocabulary holds [PAD] at id 0 (padding is written as 0 everywhere) and [UNK], [CLS], [SEP] and [MASK] anywhere.
 */

import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'

/** The ids of the five pieces that stand for no text. */
export type SpecialIds = {
  readonly pad: 0
  readonly unk: number
  readonly cls: number
  readonly sep: number
  readonly mask: number
}

export type Vocabulary = {
  readonly pieces: ReadonlyArray<string>
  readonly idOf: ReadonlyMap<string, number>
  readonly special: SpecialIds
}

export type VocabularyError =
  /** `line` counts from 1; a piece that is missing is missed after the last line. */
  | {
      readonly _tag: 'MalformedVocabulary'
      readonly source: string
      readonly line: number
      readonly found: string
      readonly expected: string
    }
  /** A vocabulary of this size cannot be trained. */
  | { readonly _tag: 'VocabularySize'; readonly found: number; readonly expected: string }

export const showVocabularyError = (e: VocabularyError): string => {
  switch (e._tag) {
    case 'MalformedVocabulary':
      return `${e.source}, line ${e.line}: found ${e.found}, expected ${e.expected}`
    case 'VocabularySize':
      return `vocabulary size ${e.found}: expected ${e.expected}`
  }
}

/** The order in which a trained vocabulary starts. */
export const specialPieces = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'] as const

/**
 * Longer words become [UNK]. In code points. Transformers has this limit whatever a model directory says, so a model
 * reads the same text on both sides of an export.
 */
export const longestWord = 100

/** Longer pieces than any vocabulary has: a file that holds one is something else. In code points. */
const longestPiece = 1000

/** Reads `vocab.txt`. `source` names it in errors. Whitespace around a piece, carriage returns included, is dropped. */
export const parseVocabulary =
  (source: string) =>
  (bytes: Uint8Array): Either<VocabularyError, Vocabulary> => {
    const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
    const pieces: Array<string> = []
    const malformed = (line: number, found: string, expected: string) =>
      E.left<VocabularyError>({ _tag: 'MalformedVocabulary', source, line, found, expected })
    for (let start = 0; start < bytes.length;) {
      const newline = bytes.indexOf(10, start)
      const end = newline === -1 ? bytes.length : newline
      const line = pieces.length + 1
      const text = decode(decoder, bytes.subarray(start, end))
      if (text === undefined) return malformed(line, 'bytes that are not UTF-8', 'UTF-8 text')
      if (text.includes('\0')) return malformed(line, 'a NUL byte', 'UTF-8 text')
      const piece = text.trim()
      if (piece === '') return malformed(line, 'an empty line', 'one piece')
      if (piece.length > longestPiece && [...piece].length > longestPiece)
        return malformed(line, `a piece of ${[...piece].length} characters`, `at most ${longestPiece}`)
      pieces.push(piece)
      start = end + 1
    }
    return vocabularyOf(source)(pieces)
  }

/** A vocabulary from its pieces in id order; `source` names it in errors. */
export const vocabularyOf =
  (source: string) =>
  (pieces: ReadonlyArray<string>): Either<VocabularyError, Vocabulary> => {
    const malformed = (line: number, found: string, expected: string) =>
      E.left<VocabularyError>({ _tag: 'MalformedVocabulary', source, line, found, expected })
    const idOf = new Map<string, number>()
    for (const [id, piece] of pieces.entries()) {
      const first = idOf.get(piece)
      if (first !== undefined)
        return malformed(
          id + 1,
          `${JSON.stringify(piece)} again`,
          `pieces that differ (it is also on line ${first + 1})`
        )
      idOf.set(piece, id)
    }
    if (pieces.length === 0) return malformed(1, 'no pieces', '[PAD]')
    if (pieces[0] !== '[PAD]') return malformed(1, JSON.stringify(pieces[0]), '[PAD], whose id is 0')
    const end = (expected: string) => malformed(pieces.length + 1, 'the end', expected)
    const [unk, cls, sep, mask] = [idOf.get('[UNK]'), idOf.get('[CLS]'), idOf.get('[SEP]'), idOf.get('[MASK]')]
    if (unk === undefined) return end('[UNK], which is nowhere')
    if (cls === undefined) return end('[CLS], which is nowhere')
    if (sep === undefined) return end('[SEP], which is nowhere')
    if (mask === undefined) return end('[MASK], which is nowhere')
    if (pieces.length === specialPieces.length) return end('at least one piece of text')
    return E.right({ pieces, idOf, special: { pad: 0, unk, cls, sep, mask } })
  }

/** The text of `vocab.txt`. */
export const printVocabulary = (vocabulary: Vocabulary): string => vocabulary.pieces.join('\n') + '\n'

const decode = (decoder: TextDecoder, bytes: Uint8Array): string | undefined => {
  try {
    return decoder.decode(bytes)
  } catch {
    return undefined
  }
}
