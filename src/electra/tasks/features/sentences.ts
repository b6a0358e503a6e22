/**
 * Sentences and pairs of sentences as rows: [CLS] a [SEP], or [CLS] a [SEP] b [SEP] with b and its [SEP] in segment 1.
 */

import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Tokenizer, TokenizerError } from '../../data/vocabulary/tokenizer.js'
import type { SpecialIds } from '../../data/vocabulary/vocabulary.js'
import type { TokenRow } from './rows.js'

/** A sentence, or a pair of them. */
export type SentenceText = { readonly first: string; readonly second?: string }

export type SentenceRow = TokenRow & {
  /** Whether pieces were left out to fit. */
  readonly isTruncated: boolean
}

/** How many pieces of each of two texts stay in `room`: the longer loses its last one again and again, the second of equals. */
export const keptOfPair = (room: number, first: number, second: number): readonly [number, number] => {
  let [a, b] = [first, second]
  while (a + b > Math.max(0, room)) {
    if (a > b) a--
    else b--
  }
  return [a, b]
}

/**
 * The row of a sentence's pieces, or of a pair's, cut to at most `length` tokens as the published code does.
 *
 * Room is for `length - 2` pieces of one text, or `length - 3` of two.
 */
export const sentenceRow =
  ({ cls, sep }: Pick<SpecialIds, 'cls' | 'sep'>, length: number) =>
  (first: ReadonlyArray<number>, second?: ReadonlyArray<number>): SentenceRow => {
    if (second === undefined) {
      const kept = first.slice(0, Math.max(0, length - 2))
      const ids = [cls, ...kept, sep]
      return { ids, types: ids.map(() => 0), isTruncated: kept.length < first.length }
    }
    const [a, b] = keptOfPair(length - 3, first.length, second.length)
    const [left, right] = [
      [cls, ...first.slice(0, a), sep],
      [...second.slice(0, b), sep]
    ]
    return {
      ids: [...left, ...right],
      types: [...left.map(() => 0), ...right.map(() => 1)],
      isTruncated: a + b < first.length + second.length
    }
  }

/** The rows of texts, in order, at most `length` tokens each. */
export const encodeSentenceTexts =
  (tokenizer: Tokenizer, length: number) =>
  (texts: ReadonlyArray<SentenceText>): TE.TaskEither<TokenizerError, ReadonlyArray<SentenceRow>> => {
    const row = sentenceRow(tokenizer.vocabulary.special, length)
    const seconds = texts.flatMap(({ second }) => (second === undefined ? [] : [second]))
    return pipe(
      tokenizer.encodeLines([...texts.map(({ first }) => first), ...seconds]),
      TE.map((ids) => {
        let next = texts.length
        return texts.map(({ second }, i) => row(ids[i], second === undefined ? undefined : ids[next++]))
      })
    )
  }
