import fc from 'fast-check'
import { expect, it } from 'vitest'
import { leastRecent } from '../../../src/tensor/run/least-recent.js'

it('a cache holds what was asked for last, and never more than its size', () => {
  const asked = fc.array(fc.nat(9).map(String), { maxLength: 60 })
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 6 }), asked, (most, keys) => {
      const cache = leastRecent<string>(most)
      keys.forEach((key, i) => {
        // The keys before this one, each once, the last first.
        const latest = [...new Set(keys.slice(0, i).reverse())].slice(0, most)
        expect(cache.get(key)).toBe(latest.includes(key) ? `value of ${key}` : undefined)
        cache.set(key, `value of ${key}`)
      })
    })
  )
})
