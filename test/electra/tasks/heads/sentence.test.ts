import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { scaled, sentenceHeadSpec, unscaled } from '../../../../src/electra/tasks/heads/sentence.js'
import { countParameters } from '../../../../src/nn/index.js'
import { real } from '../../../nn/double.js'
import { size } from './cases.js'

describe('a head for sentences', () => {
  it.each([
    ['official', 8 * 3 + 3],
    ['huggingface', 8 * 8 + 8 + 8 * 3 + 3]
  ] as const)('of the %s kind has %i parameters', (head, count) => {
    expect(countParameters(sentenceHeadSpec({ ...size, head, dropout: 0.1 }, 3))).toBe(count)
  })
})

describe('labels of a regression', () => {
  it('are divided by 5 for STS-B', () => {
    expect([0, 2.5, 5].map((y) => scaled({ min: 0, max: 5 }, y))).toEqual([0, 0.5, 1])
  })

  it('come back from the loss as they went in', () => {
    fc.assert(
      fc.property(real(), real(1, 400), real(), (min, width, y) => {
        const range = { min, max: min + width }
        expect(Math.abs(unscaled(range, scaled(range, y)) - y)).toBeLessThan(1e-12)
      })
    )
  })
})
