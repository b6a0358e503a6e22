import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { counted } from '../../../src/electra/counted.js'
import { fieldsWithin, wrapped } from '../../../src/electra/cli/fit.js'

const word = fc.stringMatching(/^[a-z0-9.]{1,12}$/)
const width = fc.integer({ min: 12, max: 90 })

describe('fields on a line', () => {
  it('are a beginning of them, whole, and all that fit', () => {
    fc.assert(
      fc.property(fc.array(word, { maxLength: 12 }), fc.nat({ max: 90 }), (fields, within) => {
        const line = fieldsWithin(within, fields)
        const shown = line === '' ? [] : line.split('  ')
        expect(line.length).toBeLessThanOrEqual(within)
        expect(shown).toEqual(fields.slice(0, shown.length))
        const next = fields.slice(0, shown.length + 1).join('  ')
        if (shown.length < fields.length) expect(next.length).toBeGreaterThan(within)
      })
    )
  })
})

describe('a sentence on several lines', () => {
  it('has all its words in order, in lines that fit and could not hold another word', () => {
    fc.assert(
      fc.property(
        fc.array(word, { minLength: 1, maxLength: 30 }),
        width,
        fc.constantFrom('', '  '),
        (words, of, indent) => {
          const lines = wrapped(words.join(' '), of + indent.length, indent)
          const inLines = lines.map((line, i) => (i === 0 ? line : line.slice(indent.length)).split(' '))
          expect(inLines.flat()).toEqual(words)
          lines.forEach((line, i) => {
            expect(line.length).toBeLessThanOrEqual(of + indent.length)
            if (i > 0) {
              expect(line.startsWith(indent)).toBe(true)
              expect(`${lines[i - 1]} ${inLines[i][0]}`.length).toBeGreaterThan(of + indent.length)
            }
          })
        }
      )
    )
  })

  it('does not cut a word that is longer than a line', () => {
    expect(wrapped('see /a/very/long/path there', 10)).toEqual(['see', '/a/very/long/path', 'there'])
  })
})

describe('a number of things', () => {
  it.each([
    [0, '0 documents'],
    [1, '1 document'],
    [2, '2 documents'],
    [1234, '1,234 documents']
  ])('of %i is %s', (n, text) => {
    expect(counted(n, 'document')).toBe(text)
  })

  it('may have a plural of its own', () => {
    expect([counted(1, 'was', 'were'), counted(2, 'was', 'were')]).toEqual(['1 was', '2 were'])
  })
})
