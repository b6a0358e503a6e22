/**
 * Encoded text: the ids of sentences laid end to end, where sentences end, and where documents end.
 *
 * On disk the same three arrays follow one another, little-endian, without a header; their lengths stand in the
 * corpus's manifest:
 *
 *     ids            tokens    x 2 bytes when the vocabulary has at most 65,536 pieces, else x 4; then zeros up to a
 *                              multiple of 4 bytes
 *     sentenceEnds   sentences x 4 bytes: ids before the end of each sentence
 *     documentEnds   documents x 4 bytes: sentences before the end of each document
 *
 * Nothing here knows a sequence length: sentences are packed into examples when training starts.
 */

import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'

export type Ids = Uint16Array | Uint32Array

export type Sentences = {
  readonly ids: Ids
  /** The end of each sentence in `ids`; strictly increasing, so no sentence is empty. */
  readonly sentenceEnds: Uint32Array
  /** The end of each document in `sentenceEnds`; strictly increasing, so no document is empty. */
  readonly documentEnds: Uint32Array
}

export type Counts = { readonly documents: number; readonly sentences: number; readonly tokens: number }

/** What is wrong with the bytes of a split. */
export type Damage = { readonly found: string; readonly expected: string }

export const bytesPerId = (vocabularySize: number): 2 | 4 => (vocabularySize <= 65536 ? 2 : 4)

const paddedIds = (tokens: number, width: 2 | 4): number => Math.ceil((tokens * width) / 4) * 4

export const byteLengthOf = (counts: Counts, width: 2 | 4): number =>
  paddedIds(counts.tokens, width) + 4 * counts.sentences + 4 * counts.documents

/** The bytes that follow `tokens` ids of this width: padding, sentence ends, document ends. */
export const encodeTail = (
  tokens: number,
  width: 2 | 4,
  sentenceEnds: Uint32Array,
  documentEnds: Uint32Array
): Uint8Array => {
  const padding = paddedIds(tokens, width) - tokens * width
  const bytes = new Uint8Array(padding + sentenceEnds.byteLength + documentEnds.byteLength)
  bytes.set(bytesOf(sentenceEnds), padding)
  bytes.set(bytesOf(documentEnds), padding + sentenceEnds.byteLength)
  return bytes
}

export const encodeSentences = ({ ids, sentenceEnds, documentEnds }: Sentences): Uint8Array => {
  const width = ids.BYTES_PER_ELEMENT === 2 ? 2 : 4
  const tail = encodeTail(ids.length, width, sentenceEnds, documentEnds)
  const bytes = new Uint8Array(ids.byteLength + tail.length)
  bytes.set(bytesOf(ids))
  bytes.set(tail, ids.byteLength)
  return bytes
}

/** Never throws: bytes that are not sentences of a vocabulary of this size are a `Left`. */
export const decodeSentences =
  (counts: Counts, vocabularySize: number) =>
  (bytes: Uint8Array): Either<Damage, Sentences> => {
    const width = bytesPerId(vocabularySize)
    const expected = byteLengthOf(counts, width)
    if (bytes.length !== expected) return E.left({ found: `${bytes.length} bytes`, expected: `${expected} bytes` })
    const section = (start: number, length: number): ArrayBuffer =>
      new Uint8Array(bytes.subarray(start, start + length)).buffer
    const idBytes = section(0, counts.tokens * width)
    const ids = width === 2 ? new Uint16Array(idBytes) : new Uint32Array(idBytes)
    const tail = paddedIds(counts.tokens, width)
    const sentenceEnds = new Uint32Array(section(tail, 4 * counts.sentences))
    const documentEnds = new Uint32Array(section(tail + 4 * counts.sentences, 4 * counts.documents))
    const foreign = ids.find((id) => id >= vocabularySize)
    if (foreign !== undefined) return E.left({ found: `id ${foreign}`, expected: `ids below ${vocabularySize}` })
    if (!areEnds(sentenceEnds, ids.length))
      return E.left({ found: 'disordered sentence ends', expected: `ends that increase to ${ids.length}` })
    if (!areEnds(documentEnds, sentenceEnds.length))
      return E.left({ found: 'disordered document ends', expected: `ends that increase to ${sentenceEnds.length}` })
    return E.right({ ids, sentenceEnds, documentEnds })
  }

const bytesOf = (array: Ids): Uint8Array => new Uint8Array(array.buffer, array.byteOffset, array.byteLength)

/** Whether the ends increase strictly and the last one is `total`. */
const areEnds = (ends: Uint32Array, total: number): boolean => {
  let last = 0
  for (const end of ends) {
    if (end <= last) return false
    last = end
  }
  return last === total
}
