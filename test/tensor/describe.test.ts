import fc from 'fast-check'
import { describe as group, expect, it } from 'vitest'
import { describe, quoted } from '../../src/tensor/describe.js'

group('a description', () => {
  it('is short, on one line, and holds nothing that a terminal obeys, whatever is described', () => {
    const text = fc.string({
      unit: fc.oneof(fc.constantFrom('\0', '\n', '\u001b', '\u2028', '\u202e', '\u009b'), fc.string())
    })
    fc.assert(
      fc.property(fc.oneof(text, fc.anything()), (x) => {
        expect(describe(x)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
        expect(describe(x).length).toBeLessThan(600)
      })
    )
  })

  it('leaves other letters as they are', () => {
    expect(quoted('Grüße, 世界 "so"')).toBe('"Grüße, 世界 \\"so\\""')
    expect(quoted('a\u202eb')).toBe('"a\\u{202e}b"')
  })
})
