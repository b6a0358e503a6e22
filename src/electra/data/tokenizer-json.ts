/**
 * The tokeniser as data: Hugging Face's `tokenizer.json` for a BERT vocabulary, readable by `tokenizers` (Node) and by
 * `@huggingface/tokenizers` (browsers) alike.
 *
 * No added tokens are declared, so neither library looks for special tokens in text: "[MASK]" is read as `[`, `mask`,
 * `]`. [CLS] and [SEP] are put around sentences by whoever builds examples, never by the tokeniser.
 */

import { longestWord, type Vocabulary } from './vocabulary.js'

export type TokenizerOptions = {
  readonly lowercase: boolean
  /** Only acts together with `lowercase`: cased text keeps its accents. */
  readonly stripAccents: boolean
}

export const uncased: TokenizerOptions = { lowercase: true, stripAccents: true }

/**
 * BERT's basic tokeniser (clean, isolate CJK, fold case and accents, split at whitespace and punctuation) followed by
 * greedy longest-match WordPiece with `##` before continuing pieces.
 */
export const tokenizerJson = (vocabulary: Vocabulary, options: TokenizerOptions) => ({
  version: '1.0',
  truncation: null,
  padding: null,
  added_tokens: [],
  normalizer: {
    type: 'BertNormalizer',
    clean_text: true,
    handle_chinese_chars: true,
    strip_accents: options.lowercase && options.stripAccents,
    lowercase: options.lowercase
  },
  pre_tokenizer: { type: 'BertPreTokenizer' },
  post_processor: null,
  decoder: { type: 'WordPiece', prefix: '##', cleanup: false },
  model: {
    type: 'WordPiece',
    unk_token: '[UNK]',
    continuing_subword_prefix: '##',
    max_input_chars_per_word: longestWord,
    vocab: Object.fromEntries(vocabulary.idOf)
  }
})
