import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseJson, showJsonError } from '../../src/tensor/strict-json.js'

describe('reading JSON strictly', () => {
  it('gives what JSON.parse gives, whatever the white space', () => {
    const depth = fc.constantFrom(0, 1, 4)
    fc.assert(
      fc.property(fc.jsonValue(), depth, (value, indent) => {
        const text = JSON.stringify(value, null, indent)
        expect(parseJson(100)(text)).toEqual(E.right(JSON.parse(text)))
      })
    )
  })

  it('never throws', () => {
    const scrap = fc.constantFrom('{', '}', '[', ']', '"', ':', ',', '\\', '"a"', '1', ' ', '\\u00', 'null', '"\\q"')
    fc.assert(
      fc.property(fc.array(scrap, { maxLength: 20 }), (scraps) => {
        const parsed = parseJson(3)(scraps.join(''))
        if (E.isLeft(parsed)) expect(showJsonError(parsed.left).length).toBeLessThan(120)
      }),
      { numRuns: 1000 }
    )
  })

  it.each([
    ['{"a":1,"a":1}', 'a'],
    ['{"a":1,"\\u0061":2}', 'a'],
    ['[{"b":{"c":1, "c" :2}}]', 'c'],
    ['{"x":{"y":1},"z":[{"y":2}],"x":3}', 'x'],
    ['{"":0,"":0}', '']
  ])('refuses the key that %s holds twice', (text, key) => {
    expect(parseJson(4)(text)).toEqual(E.left({ _tag: 'DuplicateKey', key }))
  })

  it.each(['{"a":{"a":1},"b":{"a":"a"}}', '["a","a"]', '{"a":"a:","b":"{\\"a\\":1}"}'])(
    'accepts names used again elsewhere: %s',
    (text) => {
      expect(parseJson(4)(text)).toEqual(E.right(JSON.parse(text)))
    }
  )

  it('counts brackets, and not those inside strings', () => {
    expect(parseJson(2)('{"a":[1]}')).toEqual(E.right({ a: [1] }))
    expect(parseJson(1)('{"a":[1]}')).toEqual(E.left({ _tag: 'TooDeep', limit: 1 }))
    expect(parseJson(1)('["[[[{{{"]')).toEqual(E.right(['[[[{{{']))
    expect(parseJson(100)('['.repeat(1e6))).toEqual(E.left({ _tag: 'TooDeep', limit: 100 }))
  })
})
