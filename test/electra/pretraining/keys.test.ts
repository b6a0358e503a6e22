import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { runKeys } from '../../../src/electra/pretraining/keys.js'

const seeds = fc.nat({ max: Number.MAX_SAFE_INTEGER })

describe('the keys of a run', () => {
  it('are one for each use, and others for another seed', () => {
    fc.assert(
      fc.property(seeds, seeds, (a, b) => {
        fc.pre(a !== b)
        const words = [...Object.values(runKeys(a)), ...Object.values(runKeys(b))].map((key) => key.join())
        expect(new Set(words).size).toBe(words.length)
      })
    )
  })

  it('are the same for the same seed', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        expect(runKeys(seed)).toEqual(runKeys(seed))
      })
    )
  })
})
