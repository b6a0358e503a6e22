/**
 * Text to ids and back, by Hugging Face's Rust library `tokenizers`, set up as BERT's tokeniser.
 *
 * The library is the only implementation used: its normaliser and pre-tokeniser also cut the words that a vocabulary is
 * trained on. Against the definition it differs on capital sigma at the end of a word (it never writes the final form)
 * and on some 150 characters that Unicode added or reclassified after the library's tables were made; the corpus
 * therefore records the library's version.
 */

import { createRequire } from 'node:module'
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as IOE from 'fp-ts/lib/IOEither.js'
import type { IOEither } from 'fp-ts/lib/IOEither.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { reasonOf } from '../../../tensor/reason.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { bertNormalizer, bertPreTokenizer, Tokenizer as Library } from 'tokenizers'
import * as z from 'zod'
import { normalizerOf, tokenizerJson, type AddedToken, type TokenizerOptions } from './tokenizer-json.js'
import type { Vocabulary } from './vocabulary.js'

export type TokenizerError = {
  readonly _tag: 'TokenizerFailed'
  readonly library: string
  readonly reason: string
}

export const showTokenizerError = (e: TokenizerError): string => `${e.library}: ${e.reason}`

const failed = (reason: unknown): TokenizerError => ({
  _tag: 'TokenizerFailed',
  library: 'tokenizers',
  reason: reasonOf(reason)
})

/** One sentence between [CLS] and [SEP], and where each piece stands in it. */
export type EncodedText = {
  readonly ids: ReadonlyArray<number>
  readonly pieces: ReadonlyArray<string>
  /** Start and end of each piece in the text, in UTF-16 units as `slice` takes them; null for [CLS] and [SEP]. */
  readonly spans: ReadonlyArray<readonly [number, number] | null>
  /** Whether the text was cut to fit. */
  readonly isTruncated: boolean
}

export type Tokenizer = {
  readonly vocabulary: Vocabulary
  readonly options: TokenizerOptions
  /** The ids of each line, without [CLS] and [SEP]. */
  readonly encodeLines: (
    lines: ReadonlyArray<string>
  ) => TaskEither<TokenizerError, ReadonlyArray<ReadonlyArray<number>>>
  /** One sentence as a model's input of at most `length` ids. */
  readonly encodeText: (length: number) => (text: string) => TaskEither<TokenizerError, EncodedText>
}

/** The version of the installed `tokenizers`. */
export const libraryVersion: IOEither<TokenizerError, string> = IOE.tryCatch(
  () => z.object({ version: z.string() }).parse(createRequire(import.meta.url)('tokenizers/package.json')).version,
  failed
)

export const openTokenizer = (
  vocabulary: Vocabulary,
  options: TokenizerOptions,
  added: ReadonlyArray<AddedToken> = []
): Either<TokenizerError, Tokenizer> =>
  pipe(
    E.tryCatch(() => Library.fromString(JSON.stringify(tokenizerJson(vocabulary, options, added))), failed),
    E.map((library) => ({
      vocabulary,
      options,
      encodeLines: (lines) =>
        TE.tryCatch(async () => {
          const encodings = await library.encodeBatch([...lines], { addSpecialTokens: false })
          return encodings.map((encoding) => encoding.getIds())
        }, failed),
      encodeText: (length) => (text) =>
        TE.tryCatch(async () => {
          const encoding = await library.encode(text, null, { addSpecialTokens: false })
          const room = Math.max(0, length - 2)
          const toUnits = unitOffsets(text)
          const { cls, sep } = vocabulary.special
          const isTruncated = encoding.getLength() > room
          return {
            ids: [cls, ...encoding.getIds().slice(0, room), sep],
            pieces: ['[CLS]', ...encoding.getTokens().slice(0, room), '[SEP]'],
            spans: [
              null,
              ...encoding
                .getOffsets()
                .slice(0, room)
                .map(([start, end]) => [toUnits[start], toUnits[end]] as const),
              null
            ],
            isTruncated
          }
        }, failed)
    }))
  )

/** Text cut into words, as WordPiece sees them: BERT's basic tokeniser. */
export const wordCutter = (
  options: TokenizerOptions
): Either<TokenizerError, (text: string) => ReadonlyArray<string>> =>
  E.tryCatch(() => {
    const normalizer = bertNormalizer(normalizerOf(options))
    const preTokenizer = bertPreTokenizer()
    return (text) => preTokenizer.preTokenizeString(normalizer.normalizeString(text)).map(([word]) => word)
  }, failed)

/**
 * Counts of words, as WordPiece sees them, from counts of the strings between spaces.
 *
 * Equal to cutting the whole text into words, because no rule of the tokeniser looks across a space.
 */
export const countWords = (
  options: TokenizerOptions,
  counts: ReadonlyMap<string, number>
): Either<TokenizerError, ReadonlyMap<string, number>> =>
  pipe(
    wordCutter(options),
    E.chain((cut) =>
      E.tryCatch(() => {
        const words = new Map<string, number>()
        for (const [text, count] of counts)
          for (const word of cut(text)) words.set(word, (words.get(word) ?? 0) + count)
        return words
      }, failed)
    )
  )

/** For each code point of the text, and its end, the UTF-16 offset: the library counts in code points. */
const unitOffsets = (text: string): ReadonlyArray<number> => {
  const offsets = [0]
  for (const c of text) offsets.push(offsets[offsets.length - 1] + c.length)
  return offsets
}
