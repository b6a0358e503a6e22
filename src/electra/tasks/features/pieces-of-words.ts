/**
 * Words cut into pieces one by one.
 */

import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Tokenizer, TokenizerError } from '../../data/vocabulary/tokenizer.js'

/** Ids of pieces. */
export type Pieces = ReadonlyArray<number>

/** The pieces of texts, by text. Each text is encoded once, however often it stands there. */
export const piecesOf = (
  tokenizer: Tokenizer,
  texts: ReadonlyArray<string>
): TE.TaskEither<TokenizerError, (text: string) => Pieces> => {
  const distinct = [...new Set(texts)]
  return pipe(
    tokenizer.encodeLines(distinct),
    TE.map((ids) => {
      const byText = new Map(distinct.map((text, i) => [text, ids[i]]))
      return (text) => byText.get(text) ?? []
    })
  )
}
