import { readFileSync, readdirSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { countWords, libraryVersion, openTokenizer } from '../../../../src/electra/data/vocabulary/tokenizer.js'
import {
  tokenizerJson,
  uncased,
  type TokenizerOptions
} from '../../../../src/electra/data/vocabulary/tokenizer-json.js'
import { parseVocabulary } from '../../../../src/electra/data/vocabulary/vocabulary.js'
import { browserIds, browserTokenizer } from './browser-tokenizer.js'
import { right, rightOf } from '../right.js'
import { specPieces, specWords } from './spec-tokenizer.js'

const vocabularyFile = 'test/fixtures/bert-base-uncased-vocab.txt'
const bert = right(parseVocabulary(vocabularyFile)(readFileSync(vocabularyFile)))
const bertPieces: ReadonlySet<string> = new Set(bert.pieces)

const cased: TokenizerOptions = { ...uncased, lowercase: false, stripAccents: false }
const accented: TokenizerOptions = { ...uncased, stripAccents: false }
// Settings that only other people's models have.
const casedPlain: TokenizerOptions = { ...uncased, lowercase: false }
const hanInWords: TokenizerOptions = { ...uncased, isolateHan: false }

const bySpec = (options: TokenizerOptions, text: string): ReadonlyArray<string> =>
  specWords(options)(text).flatMap(specPieces(bertPieces))

const idsBySpec = (options: TokenizerOptions, text: string): ReadonlyArray<number> =>
  bySpec(options, text).map((piece) => bert.idOf.get(piece) ?? -1)

const opened = new Map([uncased, accented, cased].map((options) => [options, right(openTokenizer(bert, options))]))

const nodeTokenizer = (options: TokenizerOptions) => opened.get(options) ?? right(openTokenizer(bert, options))

const byNode = (options: TokenizerOptions, lines: ReadonlyArray<string>) =>
  rightOf(nodeTokenizer(options).encodeLines(lines))

const byBrowser = (options: TokenizerOptions) => browserIds(browserTokenizer(tokenizerJson(bert, options)))

type Range = readonly [first: number, last: number]

/**
 * Where `tokenizers` 0.23 leaves the definition, below U+10000. `@huggingface/tokenizers` does so nowhere.
 *
 * The library lower-cases character by character, so capital sigma never takes its final form; its Unicode tables are
 * those of about Unicode 8, so it does not know the punctuation and formats in the second list (U+166D was punctuation
 * until Unicode 12), nor that those in the third are accents.
 */
const finalSigma: ReadonlyArray<Range> = [[0x3a3, 0x3a3]]
// prettier-ignore
const newPunctuation: ReadonlyArray<Range> = [
  [0x61d, 0x61d], [0x890, 0x891], [0x8e2, 0x8e2], [0x9fd, 0x9fd], [0xa76, 0xa76], [0xc77, 0xc77], [0xc84, 0xc84],
  [0x166d, 0x166d], [0x1b4e, 0x1b4f], [0x1b7d, 0x1b7f], [0x2e43, 0x2e4f], [0x2e52, 0x2e5d]
]
// prettier-ignore
const newAccents: ReadonlyArray<Range> = [
  [0x7fd, 0x7fd], [0x897, 0x897], [0x898, 0x89f], [0x8ca, 0x8e1], [0x9fe, 0x9fe], [0xafa, 0xaff], [0xb55, 0xb55],
  [0xc04, 0xc04], [0xc3c, 0xc3c], [0xd00, 0xd00], [0xd3b, 0xd3c], [0xd81, 0xd81], [0xeba, 0xeba], [0xece, 0xece],
  [0x1734, 0x1734], [0x180f, 0x180f], [0x1885, 0x1886], [0x1abf, 0x1add], [0x1ae0, 0x1aeb], [0x1df6, 0x1dfb],
  [0xa82c, 0xa82c], [0xa8c5, 0xa8c5], [0xa8ff, 0xa8ff], [0xa9bd, 0xa9bd]
]

const settings = [
  { name: 'lower-case without accents', options: uncased, exceptions: [finalSigma, newPunctuation, newAccents] },
  { name: 'lower-case with accents', options: accented, exceptions: [finalSigma, newPunctuation] },
  { name: 'cased', options: cased, exceptions: [newPunctuation] }
]

const within = (ranges: ReadonlyArray<ReadonlyArray<Range>>, point: number): boolean =>
  ranges.some((list) => list.some(([first, last]) => point >= first && point <= last))

const assigned = Array.from({ length: 0x10000 }, (_, point) => point).filter(
  (point) => !/[\p{Cn}\p{Cs}\p{Co}]/u.test(String.fromCharCode(point))
)

describe('the BERT tokeniser on the check values of the definition', () => {
  it.each([
    [
      'The quick brown fox jumps over the lazy dog.',
      'the quick brown fox jumps over the lazy dog .',
      [1996, 4248, 2829, 4419, 14523, 2058, 1996, 13971, 3899, 1012]
    ],
    [
      'ELECTRA: Pre-training text encoders, 2020!',
      'elect ##ra : pre - training text en ##code ##rs , 2020 !',
      [11322, 2527, 1024, 3653, 1011, 2731, 3793, 4372, 16044, 2869, 1010, 12609, 999]
    ],
    ['Ångström naïve façade Ünïcode', 'ang ##strom naive facade unicode', [17076, 15687, 15743, 8508, 27260]],
    ['中文abc日本語 text', '中 文 abc 日 本 語 text', [1746, 1861, 5925, 1864, 1876, 1950, 3793]],
    [
      'unaffable antidisestablishmentarianism',
      'una ##ffa ##ble anti ##dis ##est ##ab ##lish ##ment ##arian ##ism',
      [14477, 20961, 3468, 3424, 10521, 4355, 7875, 13602, 3672, 12199, 2964]
    ],
    ['don’t — stop…', 'don ’ t — stop …', [2123, 1521, 1056, 1517, 2644, 1529]],
    ['[MASK] is not special', '[ mask ] is not special', [1031, 7308, 1033, 2003, 2025, 2569]],
    ['😀 smile', '[UNK] smile', [100, 2868]],
    [
      "It's 3.5% off — $1,000.00",
      "it ' s 3 . 5 % off — $ 1 , 000 . 00",
      [2009, 1005, 1055, 1017, 1012, 1019, 1003, 2125, 1517, 1002, 1015, 1010, 2199, 1012, 4002]
    ]
  ])('reads %j as %j', async (text, pieces, ids) => {
    expect(bySpec(uncased, text).join(' ')).toBe(pieces)
    expect(await byNode(uncased, [text])).toEqual([ids])
    expect(byBrowser(uncased)(text)).toEqual(ids)
  })

  it.each([
    ['a\0b\uFFFDc\u200Bd\u00A0e\tf\u2028g', 'abcd e f g', uncased],
    ['x^2 + $5 `code` ~tilde', 'x ^ 2 + $ 5 ` code ` ~ tilde', uncased],
    ['ﬁne İstanbul', 'ﬁne istanbul', uncased],
    ['a\u{20000}b 😀😀', 'a \u{20000} b 😀😀', uncased],
    ['Möchte ÉCOLE', 'möchte école', accented],
    ['Möchte ÉCOLE', 'Möchte ÉCOLE', cased],
    ['Möchte ÉCOLE', 'Mochte ECOLE', casedPlain],
    ['in中文abc', 'in中文abc', hanInWords]
  ])('cuts %j into the words %j', (text, words, options) => {
    expect(specWords(options)(text).join(' ')).toBe(words)
    expect([...right(countWords(options, new Map([[text, 1]]))).keys()]).toEqual([...new Set(words.split(' '))])
  })

  it('writes the final sigma that the definition asks for nowhere but in the definition', () => {
    expect(specWords(uncased)('ΣΑΣ')).toEqual(['σας'])
    expect([...right(countWords(uncased, new Map([['ΣΑΣ', 1]]))).keys()]).toEqual(['σασ'])
  })
})

describe.each(settings)('the two Hugging Face libraries, $name', ({ options, exceptions }) => {
  const inContext = (point: number): string => {
    const c = String.fromCharCode(point)
    return `a${c}b ${c} ${c}${c}`
  }

  it('cut every assigned character below U+10000 as the definition does, the listed ones aside', () => {
    const browser = browserTokenizer(tokenizerJson(bert, options))
    const browserWords = (text: string) => browser.pre_tokenizer.pre_tokenize(browser.normalizer.normalize(text))
    const nodeWords = (text: string) => [...right(countWords(options, new Map([[text, 1]]))).entries()]
    const counted = (words: ReadonlyArray<string>) => {
      const counts = new Map<string, number>()
      for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1)
      return [...counts]
    }
    const differing = { node: Array<number>(), browser: Array<number>() }
    for (const point of assigned) {
      const text = inContext(point)
      const expected = specWords(options)(text)
      if (JSON.stringify(nodeWords(text)) !== JSON.stringify(counted(expected))) differing.node.push(point)
      if (JSON.stringify(browserWords(text)) !== JSON.stringify(expected)) differing.browser.push(point)
    }
    // Exactly the listed ones: a list longer than the truth would hide a fault.
    expect(differing.node).toEqual(assigned.filter((point) => within(exceptions, point)))
    expect(differing.browser).toEqual([])
  })

  it('encode random text as the definition does', async () => {
    const plain = assigned.filter((point) => !within(exceptions, point)).map((point) => String.fromCharCode(point))
    const character = fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom(...'etaoinshrdlucmfETAOIN0123') },
      { weight: 1, arbitrary: fc.constantFrom(...' \t.,-\'"[]#áéÅ’—中') },
      { weight: 2, arbitrary: fc.constantFrom(...plain) }
    )
    const line = fc.array(character, { maxLength: 40 }).map((characters) => characters.join(''))
    const browser = byBrowser(options)
    await fc.assert(
      fc.asyncProperty(fc.array(line, { minLength: 20, maxLength: 20 }), async (lines) => {
        const expected = lines.map((text) => idsBySpec(options, text))
        expect(await byNode(options, lines)).toEqual(expected)
        expect(lines.map(browser)).toEqual(expected)
      }),
      { numRuns: 10 }
    )
  })
})

describe('the tokeniser', () => {
  it('agrees with the definition and with the browser library on the whole shipped text', async () => {
    const lines = readdirSync('data/sample').flatMap((name) => readFileSync(`data/sample/${name}`, 'utf8').split('\n'))
    const pieces = new Map<string, ReadonlyArray<number>>()
    const idsOfWord = (word: string) => {
      const known = pieces.get(word)
      if (known !== undefined) return known
      const ids = specPieces(bertPieces)(word).map((piece) => bert.idOf.get(piece) ?? -1)
      pieces.set(word, ids)
      return ids
    }
    const encoded = await byNode(uncased, lines)
    const browser = byBrowser(uncased)
    expect(lines.length).toBeGreaterThan(10_000)
    for (const [i, line] of lines.entries()) {
      const expected = specWords(uncased)(line).flatMap(idsOfWord)
      if (encoded[i].join() !== expected.join() || browser(line).join() !== expected.join())
        expect.fail(`line ${i + 1} differs: ${line}`)
    }
  })

  it('makes [UNK] of a word of 101 characters, and only then', async () => {
    const word = 'é'.repeat(100)
    const [fits, tooLong] = await byNode(uncased, [word, word + 'é'])
    expect(fits).toEqual(idsBySpec(uncased, word))
    expect(fits.length).toBeGreaterThan(1)
    expect(tooLong).toEqual([100])
  })

  it('counts the words of strings between spaces as it counts those of the whole text', () => {
    const word = fc.string({ unit: fc.constantFrom(...'abÉ’-中Σ\u0301'), minLength: 1, maxLength: 6 })
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 30 }), (words) => {
        const spaced = new Map<string, number>()
        for (const w of words) spaced.set(w, (spaced.get(w) ?? 0) + 1)
        const whole = right(countWords(uncased, new Map([[words.join(' '), 1]])))
        expect(new Map([...right(countWords(uncased, spaced))].sort())).toEqual(new Map([...whole].sort()))
      })
    )
  })

  it('knows the version of the library it runs on', () => {
    expect(right(libraryVersion())).toMatch(/^\d+\.\d+\.\d+/)
  })
})

describe('one encoded sentence', () => {
  const encode = (length: number, text: string) => rightOf(nodeTokenizer(uncased).encodeText(length)(text))

  it('stands between [CLS] and [SEP] and knows where its pieces came from', async () => {
    const text = '😀 Unaffable naïve, 2020'
    const { ids, pieces, spans, isTruncated } = await encode(32, text)
    expect(pieces).toEqual(['[CLS]', '[UNK]', 'una', '##ffa', '##ble', 'naive', ',', '2020', '[SEP]'])
    expect(ids).toEqual(pieces.map((piece) => bert.idOf.get(piece)))
    expect(spans.map((span) => (span === null ? null : text.slice(...span)))).toEqual([
      null,
      '😀',
      'Una',
      'ffa',
      'ble',
      'naïve',
      ',',
      '2020',
      null
    ])
    expect(isTruncated).toBe(false)
    expect(pieces).toEqual(['[CLS]', '[UNK]', 'una', '##ffa', '##ble', 'naive', ',', '2020', '[SEP]'])
  })

  it('is cut to the length asked for, and says so', async () => {
    const { pieces, spans, isTruncated } = await encode(4, 'the quick brown fox')
    expect(pieces).toEqual(['[CLS]', 'the', 'quick', '[SEP]'])
    expect(spans).toHaveLength(4)
    expect(isTruncated).toBe(true)
  })

  it('is never longer than asked for, and its pieces and spans go together', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: 'binary', maxLength: 30 }),
        fc.integer({ min: 2, max: 12 }),
        async (text, length) => {
          const { ids, pieces, spans } = await encode(length, text)
          expect(ids.length).toBeLessThanOrEqual(length)
          expect([pieces.length, spans.length]).toEqual([ids.length, ids.length])
          for (const span of spans.filter((s) => s !== null))
            expect(span[0] <= span[1] && span[1] <= text.length).toBe(true)
        }
      ),
      { numRuns: 30 }
    )
  })
})
