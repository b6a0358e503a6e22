import fc from 'fast-check'
import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import {
  parseManifest,
  printManifest,
  sealManifest,
  tokenizerOptionsOf
} from '../../../../src/electra/data/corpus/manifest.js'
import { left, right } from '../right.js'

const hash = (digit: string) => digit.repeat(64)

const facts = {
  format: 'pure-electra corpus',
  version: 1,
  tokenizer: { library: 'tokenizers', version: '0.23.2', lowercase: true, stripAccents: true },
  vocabulary: { origin: 'trained', size: 8192, sha256: hash('a') },
  blanksSeparateDocuments: true,
  train: { documents: 2, sentences: 3, tokens: 40, sha256: hash('b') },
  heldOut: { documents: 1, sentences: 1, tokens: 4, sha256: hash('c') },
  sources: [{ name: 'a.txt', bytes: 100, sha256: hash('d') }]
} as const

const sealed = sealManifest({ ...facts, sources: [...facts.sources] })
const text = printManifest(sealed)

/** Every path to a value in the manifest. */
const paths = (value: unknown, path: ReadonlyArray<string> = []): ReadonlyArray<ReadonlyArray<string>> =>
  typeof value === 'object' && value !== null
    ? Object.entries(value).flatMap(([key, inner]) => paths(inner, [...path, key]))
    : [path]

const replaced = (value: unknown, [key, ...rest]: ReadonlyArray<string>, by: unknown): unknown => {
  if (key === undefined) return by
  if (Array.isArray(value))
    return value.map((inner: unknown, i) => (String(i) === key ? replaced(inner, rest, by) : inner))
  const entries = Object.entries(typeof value === 'object' && value !== null ? value : {})
  return Object.fromEntries(
    entries.map(([k, inner]: [string, unknown]) => [k, k === key ? replaced(inner, rest, by) : inner])
  )
}

describe('a manifest', () => {
  it('is the same after printing and parsing', () => {
    expect(right(parseManifest(text))).toEqual(sealed)
  })

  it('is recognised however its JSON is laid out', () => {
    const reversed: unknown = Object.fromEntries(Object.entries(sealed).reverse())
    expect(right(parseManifest(JSON.stringify(reversed)))).toEqual(sealed)
  })

  it('says how its tokeniser is set; one that says less was written when words could be longer', () => {
    const { lowercase, stripAccents } = facts.tokenizer
    const [older, set] = [
      { isolateHan: true, longestWord: 200 },
      { isolateHan: false, longestWord: 100 }
    ]
    expect(tokenizerOptionsOf(sealed)).toEqual({ lowercase, stripAccents, ...older })
    const cased = { ...facts.tokenizer, lowercase: false }
    expect(tokenizerOptionsOf({ tokenizer: cased })).toEqual({ lowercase: false, stripAccents: false, ...older })
    const tokenizer = { ...cased, ...set }
    expect(tokenizerOptionsOf({ tokenizer })).toEqual({ lowercase: false, stripAccents: true, ...set })
    const said = sealManifest({ ...facts, sources: [...facts.sources], tokenizer })
    expect(right(parseManifest(printManifest(said)))).toEqual(said)
    expect(said.sha256).not.toBe(sealManifest({ ...said, tokenizer: { ...tokenizer, longestWord: 99 } }).sha256)
  })

  it('with any value exchanged is refused', () => {
    fc.assert(
      fc.property(fc.constantFrom(...paths(sealed)), fc.jsonValue(), (path, value) => {
        const changed = JSON.stringify(replaced(sealed, path, value))
        fc.pre(changed !== JSON.stringify(sealed))
        expect(E.isLeft(parseManifest(changed))).toBe(true)
      }),
      { numRuns: 300 }
    )
  })

  it('with a key too many is refused by its name', () => {
    expect(left(parseManifest(JSON.stringify({ ...sealed, colour: 'red' }))).found).toContain('colour')
  })

  it('of another version is refused by its field', () => {
    expect(left(parseManifest(text.replace('"version": 1', '"version": 2'))).found).toContain('version')
  })

  it('that is no manifest is a value, whatever it is', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.nat(text.length).map((n) => text.slice(0, n))
        ),
        (hostile) => {
          fc.pre(hostile.trim() !== text.trim())
          expect(E.isLeft(parseManifest(hostile))).toBe(true)
        }
      ),
      { numRuns: 300 }
    )
  })
})
