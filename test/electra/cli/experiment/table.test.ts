import { describe, expect, it } from 'vitest'
import { headline, nothingTook, secondsLeft, took, type Took } from '../../../../src/electra/cli/experiment/table.js'
import { armsOf } from '../../../../src/electra/experiment/arms.js'
import { plan, workOf, type Job, type Outcome } from '../../../../src/electra/experiment/plan.js'
import { declared } from '../../report/results.js'

const declaration = declared({
  budgets: [{ flops: 4e12 }],
  seeds: [1, 2],
  tuning: { rates: [1e-3, 2e-3], seed: 9, budget: { flops: 1e12 } }
})
const arms = armsOf(declaration, () => false)
const work = workOf(declaration)

const done: Outcome = { _tag: 'Done', scores: [0.5] }

/** After so many jobs, each of which took so long. */
const after = (count: number, secondsOf: (job: Job) => number) => {
  const outcomes = new Map<string, Outcome>()
  const ended: Array<Job> = []
  let seconds: Took = nothingTook
  while (ended.length < count) {
    const next = plan(declaration, arms, outcomes).jobs.find(({ id }) => !outcomes.has(id))
    if (next === undefined) break
    outcomes.set(next.id, done)
    ended.push(next)
    seconds = took(seconds, next, secondsOf(next), work(next))
  }
  return { plan: plan(declaration, arms, outcomes), outcomes, took: seconds, workOf: work, jobs: 2, running: [], ended }
}

/** As long as they are. */
const inProportion = (job: Job): number => (job._tag === 'Pretraining' ? work(job) / 1e10 : 7 * work(job))

describe('what is left of an experiment', () => {
  it('is known as soon as one of each kind is done, and is right where jobs take as long as they are', () => {
    const all = after(Infinity, inProportion)
    const whole = all.ended.reduce((sum, job) => sum + inProportion(job), 0)
    expect(secondsLeft(all)).toBe(0)
    for (let count = 0; count < all.ended.length; count++) {
      const some = after(count, inProportion)
      const passed = some.ended.reduce((sum, job) => sum + inProportion(job), 0)
      const isKnown = new Set(some.ended.map(({ _tag }) => _tag)).size === 2
      // The last is alone.
      const atATime = Math.min(2, all.ended.length - count)
      if (isKnown) expect(secondsLeft(some)).toBeCloseTo((whole - passed) / atATime, 6)
      else expect(secondsLeft(some)).toBeUndefined()
    }
  })

  it('is less by what those that run have done, and no more than they are long', () => {
    const some = after(after(Infinity, inProportion).ended.length - 3, inProportion)
    const next = some.plan.jobs.find(({ id }) => !some.outcomes.has(id))
    if (next === undefined) throw new Error('nothing is left')
    const at = (seconds: number): number => secondsLeft({ ...some, running: [{ job: next, seconds }] }) ?? NaN
    const whole = inProportion(next)
    expect(at(whole / 2)).toBeCloseTo(at(0) - whole / 4, 6)
    expect(at(0)).toBe(secondsLeft(some))
    expect(at(9 * whole)).toBeCloseTo(at(0) - whole / 2, 6)
  })

  it('is said with how many are done', () => {
    const { ended } = after(Infinity, inProportion)
    expect(headline('small', after(0, inProportion), 0)).toBe(`small: 0 of ${ended.length} jobs, ? left`)
  })

  it('counts runs alike where budgets are in steps and in operations', () => {
    const mixed = declared({ budgets: [{ flops: 4e12 }, { steps: 10 }] })
    const [first, second] = plan(
      mixed,
      armsOf(mixed, () => false),
      new Map()
    ).jobs
    expect([first, second].map(workOf(mixed))).toEqual([1, 1])
  })
})
