import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { inOrder } from '../../src/tensor/in-order.js'

describe('a gate', () => {
  it('lets tasks through one at a time, in the order in which they were started, whatever the time each takes', () =>
    fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.integer({ min: 0, max: 8 }), async (scheduler, n) => {
        const gate = inOrder()
        const events: Array<string> = []
        const results = Array.from({ length: n }, (_, i) =>
          gate(async () => {
            events.push(`begin ${i}`)
            await scheduler.schedule(Promise.resolve())
            events.push(`end ${i}`)
            return i
          })()
        )
        const all = Promise.all(results)
        await scheduler.waitFor(all)
        expect(await all).toEqual(results.map((_, i) => i))
        expect(events).toEqual(results.flatMap((_, i) => [`begin ${i}`, `end ${i}`]))
      })
    ))
})
