/**
 * `@huggingface/tokenizers` with the types that these tests use.
 *
 * Its own declarations import each other without file endings, which Node's module resolution does not follow.
 */

import * as library from '@huggingface/tokenizers'

export type BrowserTokenizer = {
  readonly normalizer: { readonly normalize: (text: string) => string }
  readonly pre_tokenizer: { readonly pre_tokenize: (text: string) => ReadonlyArray<string> }
  readonly encode: (
    text: string,
    options: { readonly add_special_tokens: boolean }
  ) => { readonly ids: ReadonlyArray<number> }
}

const { Tokenizer } = library as unknown as {
  readonly Tokenizer: new (json: unknown, config: object) => BrowserTokenizer
}

/** The tokeniser that a parsed `tokenizer.json` describes. */
export const browserTokenizer = (json: unknown): BrowserTokenizer => new Tokenizer(json, {})

export const browserIds =
  (tokenizer: BrowserTokenizer) =>
  (text: string): ReadonlyArray<number> =>
    tokenizer.encode(text, { add_special_tokens: false }).ids
