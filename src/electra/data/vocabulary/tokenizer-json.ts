/**
 * The tokeniser as data: Hugging Face's `tokenizer.json` for a BERT vocabulary, readable by `tokenizers` (Node) and by
 * `@huggingface/tokenizers` (browsers) alike.
 *
 * A corpus's tokeniser declares no added tokens, so neither library looks for special tokens in text: "[MASK]" is read as
 * `[`, `mask`, `]`. [CLS] and [SEP] are put around sentences by whoever builds examples, never by the tokeniser.
 */

import { longestWord, type Vocabulary } from './vocabulary.js'

export type TokenizerOptions = {
  readonly lowercase: boolean
  readonly stripAccents: boolean
  /** Whether every Han character is a word. */
  readonly isolateHan: boolean
  /** Longer words become [UNK]. In code points. */
  readonly longestWord: number
}

export const uncased: TokenizerOptions = { lowercase: true, stripAccents: true, isolateHan: true, longestWord }

/** A piece that is looked for in the text itself, before it is cut into words. Fields as `tokenizer.json` names them. */
export type AddedToken = {
  readonly id: number
  readonly content: string
  readonly single_word: boolean
  readonly lstrip: boolean
  readonly rstrip: boolean
  /** Whether it is looked for in the text as the normaliser leaves it. */
  readonly normalized: boolean
  readonly special: boolean
}

/** BERT's normaliser and how it is set. */
export const normalizerOf = ({ lowercase, stripAccents, isolateHan }: TokenizerOptions) => ({
  cleanText: true,
  handleChineseChars: isolateHan,
  stripAccents,
  lowercase
})

/**
 * BERT's basic tokeniser (clean, isolate CJK, fold case and accents, split at whitespace and punctuation) followed by
 * greedy longest-match WordPiece with `##` before continuing pieces.
 */
export const tokenizerJson = (
  vocabulary: Vocabulary,
  options: TokenizerOptions,
  added: ReadonlyArray<AddedToken> = []
) => ({
  version: '1.0',
  truncation: null,
  padding: null,
  added_tokens: added,
  normalizer: {
    type: 'BertNormalizer',
    clean_text: true,
    handle_chinese_chars: options.isolateHan,
    strip_accents: options.stripAccents,
    lowercase: options.lowercase
  },
  pre_tokenizer: { type: 'BertPreTokenizer' },
  post_processor: null,
  decoder: { type: 'WordPiece', prefix: '##', cleanup: false },
  model: {
    type: 'WordPiece',
    unk_token: '[UNK]',
    continuing_subword_prefix: '##',
    max_input_chars_per_word: options.longestWord,
    vocab: Object.fromEntries(vocabulary.idOf)
  }
})
