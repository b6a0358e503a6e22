/** The uncased BERT vocabulary, its tokeniser, and random texts for it. */

import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { openTokenizer, wordCutter } from '../../../../src/electra/data/vocabulary/tokenizer.js'
import { uncased } from '../../../../src/electra/data/vocabulary/tokenizer-json.js'
import { parseVocabulary } from '../../../../src/electra/data/vocabulary/vocabulary.js'
import { right } from '../../data/right.js'

const file = 'test/fixtures/bert-base-uncased-vocab.txt'
export const bert = right(parseVocabulary(file)(readFileSync(file)))
export const tokenizer = right(openTokenizer(bert, uncased))
export const wordsOf = right(wordCutter(uncased))

/** Words that are one piece, several, unknown, with punctuation, with accents, and beyond the first plane. */
export const word = fc.constantFrom(
  'the',
  'a',
  'cat',
  'unaffable',
  'ELECTRA:',
  '(1889)',
  'Ångström',
  'naïve,',
  '中文abc',
  '😀',
  '😀smile',
  "don't",
  '$1,000.00',
  'x'
)
export const space = fc.constantFrom(' ', '\u202f', '\n', '\t ', '  ')

/** Words and the spaces behind them. */
export const text = (minLength: number, maxLength: number) =>
  fc.array(fc.tuple(word, space), { minLength, maxLength }).map((pairs) => pairs.map(([w, s]) => w + s).join(''))
