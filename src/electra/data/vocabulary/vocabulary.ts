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
  /** By id. An id that no text has is the empty piece, or one that stands there again with a higher id. */
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

/** Their ids there. */
export const trainedSpecial = { pad: 0, unk: 1, cls: 2, sep: 3, mask: 4 } as const satisfies SpecialIds

/**
 * Longer words become [UNK]. In code points. Transformers has this limit whatever a model directory says, so a model
 * reads the same text on both sides of an export.
 */
export const longestWord = 100

/** More than any vocabulary has: an id beyond it is a mistake, and would have to be given room. */
export const mostPieces = 2 ** 22

/** More than any `vocab.txt` has, in bytes. */
export const longestVocabulary = 2 ** 26

/** Longer pieces than any vocabulary has: a file that holds one is something else. In code points. */
const longestPiece = 1000

/**
 * Reads `vocab.txt`; `source` names it in errors.
 *
 * A line ends at a line feed, a carriage return or both, and nowhere else: U+2028 is a piece. As transformers has it, an
 * empty line is an id that no text has, and of a piece that stands there twice the last line counts.
 */
export const parseVocabulary =
  (source: string) =>
  (bytes: Uint8Array): Either<VocabularyError, Vocabulary> => {
    const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
    const pieces: Array<string> = []
    const malformed = (found: string, expected: string) =>
      E.left<VocabularyError>({ _tag: 'MalformedVocabulary', source, line: pieces.length + 1, found, expected })
    for (const line of linesOf(bytes)) {
      const piece = decode(decoder, line)
      if (piece === undefined) return malformed('bytes that are not UTF-8', 'UTF-8 text')
      if (piece.includes('\0')) return malformed('a NUL byte', 'UTF-8 text')
      if (piece.length > longestPiece && [...piece].length > longestPiece)
        return malformed(`a piece of ${[...piece].length} characters`, `at most ${longestPiece}`)
      if (pieces.length === mostPieces) return malformed('one piece more', `at most ${mostPieces}`)
      pieces.push(piece)
    }
    while (pieces.at(-1) === '') pieces.pop()
    return vocabularyOf(source)(pieces)
  }

/** The bytes between line feeds, carriage returns, and pairs of them. */
const linesOf = function* (bytes: Uint8Array) {
  let start = 0
  for (let at = 0; at < bytes.length; at++) {
    if (bytes[at] !== 10 && bytes[at] !== 13) continue
    yield bytes.subarray(start, at)
    if (bytes[at] === 13 && bytes[at + 1] === 10) at++
    start = at + 1
  }
  if (start < bytes.length) yield bytes.subarray(start)
}

/** A vocabulary from its pieces in id order; `source` names it in errors. Empty pieces have an id and stand for nothing. */
export const vocabularyOf =
  (source: string) =>
  (pieces: ReadonlyArray<string>): Either<VocabularyError, Vocabulary> => {
    const malformed = (line: number, found: string, expected: string) =>
      E.left<VocabularyError>({ _tag: 'MalformedVocabulary', source, line, found, expected })
    const idOf = new Map<string, number>()
    for (const [id, piece] of pieces.entries()) if (piece !== '') idOf.set(piece, id)
    if (pieces.length === 0) return malformed(1, 'no pieces', '[PAD]')
    if (pieces[0] !== '[PAD]') return malformed(1, JSON.stringify(pieces[0]), '[PAD], whose id is 0')
    if (idOf.get('[PAD]') !== 0) return malformed((idOf.get('[PAD]') ?? 0) + 1, '[PAD] again', '[PAD] at id 0 alone')
    const end = (expected: string) => malformed(pieces.length + 1, 'the end', expected)
    const [unk, cls, sep, mask] = [idOf.get('[UNK]'), idOf.get('[CLS]'), idOf.get('[SEP]'), idOf.get('[MASK]')]
    if (unk === undefined) return end('[UNK], which is nowhere')
    if (cls === undefined) return end('[CLS], which is nowhere')
    if (sep === undefined) return end('[SEP], which is nowhere')
    if (mask === undefined) return end('[MASK], which is nowhere')
    if (idOf.size === specialPieces.length) return end('at least one piece of text')
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
