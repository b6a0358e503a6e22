import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readyPrefix } from '../../../src/workers/fold/ready-prefix.js'

/** What is heard of jobs: how many parts one has finished (fewer, where it begins anew), or that it is done. */
const heard = fc
  .record({ jobs: fc.integer({ min: 1, max: 5 }), parts: fc.integer({ min: 0, max: 6 }) })
  .chain(({ jobs, parts }) =>
    fc.record({
      jobs: fc.constant(jobs),
      parts: fc.constant(parts),
      events: fc.array(fc.record({ job: fc.nat({ max: jobs - 1 }), count: fc.nat({ max: parts }) }))
    })
  )

describe('handing on', () => {
  it('hands on each part once, in order, when every job has it finished, and all when all are done', () => {
    fc.assert(
      fc.property(heard, ({ jobs, parts, events }) => {
        const handed: Array<number> = []
        const now = new Array<number>(jobs).fill(0)
        const { finished, done } = readyPrefix(jobs, parts, (part) => {
          // Nobody writes to it: every job has it at this very moment.
          expect(Math.min(...now)).toBeGreaterThan(part)
          handed.push(part)
        })
        let most = 0
        for (const { job, count } of events) {
          now[job] = count
          finished(job, count)
          most = Math.max(most, ...[Math.min(...now)])
          expect(handed).toEqual(Array.from({ length: most }, (_, part) => part))
        }
        for (let job = 0; job < jobs; job++) {
          now[job] = parts
          done(job)
        }
        expect(handed).toEqual(Array.from({ length: parts }, (_, part) => part))
      })
    )
  })
})
