import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { indexOfJsonError, placeOfJsonError } from '../../../src/electra/config/json-place.js'

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

const json = fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.stringify(value, null, 1))

/** JSON with some characters taken out, and others put in their place. */
const broken = fc
  .tuple(json, fc.nat(), fc.nat({ max: 3 }), fc.stringMatching(/^[{}[\]:,"\\0-9.eE+\-\s@truefalsn]{0,3}$/))
  .map(([text, at, out, put]) => {
    const from = at % (text.length + 1)
    return `${text.slice(0, from)}${put}${text.slice(from + out)}`
  })

describe('the place where a text stops being JSON', () => {
  it('is there just where the parser refuses the text', () => {
    fc.assert(
      fc.property(fc.oneof(json, broken, fc.string()), (text) => {
        expect(indexOfJsonError(text) === undefined).toBe(isJson(text))
      }),
      { numRuns: 1000 }
    )
  })

  it('is that of the first thing that does not belong there', () => {
    fc.assert(
      fc.property(json, fc.nat(), (text, n) => {
        // Strings have no line ends in them.
        const lines = text.split('\n')
        const at = n % (lines.length + 1)
        const wrong = [...lines.slice(0, at), ' @', ...lines.slice(at)].join('\n')
        expect(placeOfJsonError(wrong)).toBe(`line ${at + 1}, column 2`)
      })
    )
  })

  it.each([
    ['{ "extends": ', 'line 1, column 14'],
    ['{\n  "extends": "nano",\n}', 'line 3, column 1'],
    ['{\n  "extends": "nano"\n  "batchSize": 8\n}', 'line 3, column 3'],
    ['{ "extends": "na\nno" }', 'line 1, column 14'],
    ['{} {}', 'line 1, column 4']
  ])('of %j is %s', (text, place) => {
    expect(placeOfJsonError(text)).toBe(place)
  })
})
