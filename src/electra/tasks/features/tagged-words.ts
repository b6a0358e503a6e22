/**
 * Sentences of words as rows for tagging: [CLS], each word's pieces, [SEP], and where each word begins.
 *
 * As in the published code every token is of segment 1, and a word is cut into pieces by itself. Other than there
 *
 *   - the vocabulary's own tokeniser reads the words, where that code lower-cases whatever the vocabulary is;
 *   - a word of which nothing is left (a control character) is [UNK], so that every word has a place of its own;
 *   - a sentence is cut before the first word whose own pieces do not fit. That code compares with the sentence's number of words, and cuts
 *     long sentences early.
 *
 * Words behind the cut have no place, and nothing is predicted for them: whoever scores must count them as wrong. `wordCount` says how
 * many there are.
 */

import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Tokenizer, TokenizerError } from '../../data/vocabulary/tokenizer.js'
import type { SpecialIds } from '../../data/vocabulary/vocabulary.js'
import { piecesOf, type Pieces } from './pieces-of-words.js'
import type { TokenRow } from './rows.js'

export type TaggedRow = TokenRow & {
  /** Where the first piece of each word stands; the words before the cut. */
  readonly positions: ReadonlyArray<number>
  /** Of the whole sentence. */
  readonly wordCount: number
}

/** The row of words given as pieces, at most `length` tokens. */
export const taggedRow =
  ({ cls, sep, unk }: Pick<SpecialIds, 'cls' | 'sep' | 'unk'>, length: number) =>
  (words: ReadonlyArray<Pieces>): TaggedRow => {
    const ids = [cls]
    const positions: Array<number> = []
    for (const word of words) {
      const pieces = word.length === 0 ? [unk] : word
      if (ids.length + pieces.length + 1 > length) break
      positions.push(ids.length)
      ids.push(...pieces)
    }
    ids.push(sep)
    return { ids, types: ids.map(() => 1), positions, wordCount: words.length }
  }

/** The rows of sentences, in order, at most `length` tokens each. */
export const encodeTaggedWords =
  (tokenizer: Tokenizer, length: number) =>
  (sentences: ReadonlyArray<ReadonlyArray<string>>): TE.TaskEither<TokenizerError, ReadonlyArray<TaggedRow>> =>
    pipe(
      piecesOf(tokenizer, sentences.flat()),
      TE.map((pieces) => sentences.map((words) => taggedRow(tokenizer.vocabulary.special, length)(words.map(pieces))))
    )

/**
 * What the tagging head reads and is trained on, for rows of at most `words` words: places and labels of the words before the cut, and
 * weight 1 for each of them. `labels` are those of whole sentences.
 */
export const paddedTags = (
  words: number,
  rows: ReadonlyArray<TaggedRow>,
  labels: ReadonlyArray<ReadonlyArray<number>>
): { readonly positions: Int32Array; readonly labels: Int32Array; readonly weights: Float32Array } => {
  const fill = (of: (row: TaggedRow, i: number) => ReadonlyArray<number>): Int32Array => {
    const values = new Int32Array(rows.length * words)
    rows.forEach((row, i) => values.set(of(row, i).slice(0, Math.min(words, row.positions.length)), i * words))
    return values
  }
  return {
    positions: fill(({ positions }) => positions),
    labels: fill((_, i) => labels[i]),
    weights: Float32Array.from(fill(({ positions }) => positions.map(() => 1)))
  }
}
