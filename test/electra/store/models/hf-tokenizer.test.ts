import * as E from 'fp-ts/lib/Either.js'
import { Tokenizer } from 'tokenizers'
import { describe, expect, it } from 'vitest'
import { uncased } from '../../../../src/electra/data/vocabulary/tokenizer-json.js'
import { parseVocabulary, type Vocabulary } from '../../../../src/electra/data/vocabulary/vocabulary.js'
import { hfTokenizerFiles } from '../../../../src/electra/store/models/hf-tokenizer.js'

// Special pieces in another order than a trained vocabulary has them.
const text = '[PAD]\nthe\n[MASK]\ncat\n[UNK]\n##s\n[SEP]\nsat\n.\n[CLS]\n'

const vocabulary = (): Vocabulary => {
  const parsed = parseVocabulary('vocab.txt')(new TextEncoder().encode(text))
  if (E.isLeft(parsed)) throw new Error('the case is not a vocabulary')
  return parsed.right
}

describe('the tokeniser files of a model', () => {
  const files = hfTokenizerFiles(vocabulary(), uncased, 32)

  it('hold the vocabulary line by line', () => {
    expect(files['vocab.txt']).toBe(text)
  })

  it('put [CLS] and [SEP] around sentences, and read special pieces as such', async () => {
    const tokenizer = Tokenizer.fromString(files['tokenizer.json'])
    const one = await tokenizer.encode('The cats [MASK].')
    expect(one.getTokens()).toEqual(['[CLS]', 'the', 'cat', '##s', '[MASK]', '.', '[SEP]'])
    const two = await tokenizer.encode('The cats.', 'Sat')
    expect(two.getTokens()).toEqual(['[CLS]', 'the', 'cat', '##s', '.', '[SEP]', 'sat', '[SEP]'])
    expect(two.getTypeIds()).toEqual([0, 0, 0, 0, 0, 0, 1, 1])
    expect(two.getIds()).toEqual([9, 1, 3, 5, 8, 6, 7, 6])
  })

  it('make [UNK] of a word of 101 characters, and only then, as transformers does whatever they say', async () => {
    const tokenizer = Tokenizer.fromString(
      hfTokenizerFiles({ ...vocabulary(), idOf: new Map([...vocabulary().idOf, ['s', 10]]) }, uncased, 32)[
        'tokenizer.json'
      ]
    )
    const tokens = async (n: number) => (await tokenizer.encode('s'.repeat(n))).getTokens()
    expect(await tokens(100)).toEqual(['[CLS]', 's', ...Array<string>(99).fill('##s'), '[SEP]'])
    expect(await tokens(101)).toEqual(['[CLS]', '[UNK]', '[SEP]'])
  })

  it('say how long an input may be', () => {
    expect(JSON.parse(files['tokenizer_config.json'])).toMatchObject({
      tokenizer_class: 'ElectraTokenizer',
      do_lower_case: true,
      model_max_length: 32
    })
  })
})
