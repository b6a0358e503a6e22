import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalJson, type Json } from '../../../../src/electra/store/canonical-json.js'
import {
  parseState,
  printState,
  type CheckpointState
} from '../../../../src/electra/store/checkpoints/checkpoint-state.js'
import { sha256OfText } from '../../../../src/electra/store/digest.js'
import { showStoreError } from '../../../../src/electra/store/errors.js'
import { checkpointOf, preset } from './checkpoint-cases.js'

const parse = parseState('state.json')

const real = fc.oneof(fc.double(), fc.constantFrom(NaN, Infinity, -Infinity, -0))
const name = fc.stringMatching(/^[a-zA-Z0-9 ."\\é]{0,8}$/)

const state: fc.Arbitrary<CheckpointState> = fc.record({
  identity: fc.record({
    problem: fc.string(),
    config: fc.constantFrom<Json>(preset('nano'), preset('small')),
    data: fc.array(fc.string(), { maxLength: 3 }),
    seed: fc.nat()
  }),
  step: fc.nat(),
  metrics: fc.dictionary(name, real, { noNullPrototype: true }),
  best: fc.option(fc.record({ step: fc.nat(), loss: real }), { nil: undefined }),
  files: fc.dictionary(name, fc.record({ bytes: fc.nat(), sha256: fc.string() }), { noNullPrototype: true })
})

type JsonObject = { readonly [key: string]: Json }

/** A state with a right checksum that somebody else composed. */
const forged = (change: JsonObject): string => {
  const { checksum: _, ...content } = JSON.parse(printState({ ...checkpointOf(3).progress, files: {} })) as JsonObject
  const changed: JsonObject = { ...content, ...change }
  return `${canonicalJson({ ...changed, checksum: sha256OfText(canonicalJson(changed)) }, 2)}\n`
}

describe('the state of a checkpoint', () => {
  it('is read as it was written, numbers that JSON has not included', () => {
    fc.assert(
      fc.property(state, (s) => {
        expect(parse(printState(s))).toEqual(E.right(s))
      })
    )
  })

  it('has one text: any other spelling is refused', () => {
    const text = printState({ ...checkpointOf(3).progress, files: {} })
    for (const other of [
      text.trimEnd(),
      ` ${text}`,
      text.replace('"step": 3,', '"step": 3.0,'),
      canonicalJson(JSON.parse(text) as Json)
    ])
      expect(parse(other)).toMatchObject(E.left({ _tag: 'Corrupt', path: 'state.json' }))
  })

  it('of another version is refused as such', () => {
    for (const version of [0, 1, 3, '2', null])
      expect(parse(forged({ version }))).toMatchObject(E.left({ _tag: 'UnsupportedVersion', expected: '2' }))
  })

  it.each<readonly [string, JsonObject]>([
    ['a negative step', { step: -1 }],
    ['a step that is text', { step: '3' }],
    ['a key of its own', { extra: 1 }],
    ['a metric that is no number', { metrics: { loss: 'high' } }],
    ['an identity that is none', { identity: null }],
    ['a list for an identity', { identity: ['nano'] }],
    ['no files', { files: [] }]
  ])('with a right checksum but %s is refused', (_, change) => {
    const parsed = parse(forged(change))
    expect(parsed).toMatchObject(E.left({ _tag: 'Corrupt' }))
    expect(E.isLeft(parsed) && showStoreError(parsed.left)).toMatch(/^state\.json: found /)
  })

  it('is refused, and nothing is thrown, whatever the text', () => {
    const scrap = fc.oneof(
      fc.json(),
      fc.string(),
      fc.json().map((json) => `{"version":2,"checksum":"","x":${json}}`)
    )
    fc.assert(
      fc.property(scrap, (text) => {
        expect(E.isLeft(parse(text))).toBe(true)
      }),
      { numRuns: 500 }
    )
  })
})

describe('canonical JSON', () => {
  it('is the same for the same value, whatever the order of its keys', () => {
    const turned = (x: unknown): unknown =>
      Array.isArray(x)
        ? x.map(turned)
        : typeof x === 'object' && x !== null
          ? Object.fromEntries(
              Object.entries(x)
                .reverse()
                .map(([k, v]) => [k, turned(v)])
            )
          : x
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(canonicalJson(turned(value) as Json)).toBe(canonicalJson(value as Json))
        expect(JSON.parse(canonicalJson(value as Json))).toEqual(JSON.parse(JSON.stringify(value)))
      })
    )
  })
})
