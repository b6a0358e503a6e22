/**
 * A vocabulary as the tokeniser files of a Hugging Face model directory.
 *
 * Unlike the tokeniser of a corpus, this one declares its special pieces and puts [CLS] and [SEP] around what it reads, as
 * users of transformers expect.
 */

import { tokenizerJson, type TokenizerOptions } from '../../data/vocabulary/tokenizer-json.js'
import { specialPieces, type Vocabulary } from '../../data/vocabulary/vocabulary.js'

const single = [
  { SpecialToken: { id: '[CLS]', type_id: 0 } },
  { Sequence: { id: 'A', type_id: 0 } },
  { SpecialToken: { id: '[SEP]', type_id: 0 } }
]

const pair = [...single, { Sequence: { id: 'B', type_id: 1 } }, { SpecialToken: { id: '[SEP]', type_id: 1 } }]

const text = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`

/** Texts of `vocab.txt`, `tokenizer.json` and `tokenizer_config.json`. `maxPositions` is the longest input of the model. */
export const hfTokenizerFiles = (
  vocabulary: Vocabulary,
  options: TokenizerOptions,
  maxPositions: number
): Readonly<Record<'vocab.txt' | 'tokenizer.json' | 'tokenizer_config.json', string>> => {
  const { pad, unk, cls, sep, mask } = vocabulary.special
  const idOf = { '[PAD]': pad, '[UNK]': unk, '[CLS]': cls, '[SEP]': sep, '[MASK]': mask }
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true }
  const special = (piece: '[CLS]' | '[SEP]') => ({ id: piece, ids: [idOf[piece]], tokens: [piece] })
  return {
    'vocab.txt': vocabulary.pieces.map((piece) => `${piece}\n`).join(''),
    'tokenizer.json': text({
      ...tokenizerJson(vocabulary, options),
      added_tokens: specialPieces
        .map((piece) => ({ id: idOf[piece], content: piece, ...flags }))
        .sort((a, b) => a.id - b.id),
      post_processor: {
        type: 'TemplateProcessing',
        single,
        pair,
        special_tokens: { '[CLS]': special('[CLS]'), '[SEP]': special('[SEP]') }
      }
    }),
    'tokenizer_config.json': text({
      tokenizer_class: 'ElectraTokenizer',
      do_lower_case: options.lowercase,
      strip_accents: options.stripAccents,
      tokenize_chinese_chars: options.isolateHan,
      model_max_length: maxPositions,
      pad_token: '[PAD]',
      unk_token: '[UNK]',
      cls_token: '[CLS]',
      sep_token: '[SEP]',
      mask_token: '[MASK]'
    })
  }
}
