import fc from 'fast-check'
import * as O from 'fp-ts/lib/Option.js'
import { describe, expect, it } from 'vitest'
import { carryOut, type Event, type JobEnd, type Worker } from '../../../../src/electra/cli/experiment/carry-out.js'
import { armsOf } from '../../../../src/electra/experiment/arms.js'
import { checkDeclaration } from '../../../../src/electra/experiment/declaration.js'
import type { Job, Outcome } from '../../../../src/electra/experiment/plan.js'
import { right } from '../../data/right.js'

const declaration = right(
  checkDeclaration({
    name: 'small',
    corpus: 'sample',
    config: 'nano',
    objectives: { electra: {}, mlm: {} },
    baseline: 'mlm',
    budgets: [{ steps: 10 }],
    seeds: [1, 2],
    tuning: { rates: [1e-3, 2e-3], seed: 9 },
    tasks: { a: { task: 'cola', data: 'a', metric: 'matthews', rates: [1e-4, 2e-4] } }
  })
)

const arms = armsOf(declaration, (name) => name === 'electra')

/** As each job ends, whenever it is run; some fail. */
const endOf = (job: Job): Outcome =>
  job.id === 'tune-mlm-2e3' || /^electra-[12]e3-s2$/.test(job.id)
    ? { _tag: 'Failed', reason: 'diverged' }
    : { _tag: 'Done', scores: job._tag === 'Pretraining' ? [] : [job.id.length + job.rate] }

/** Keeps what has ended, as a directory does. Jobs take turns of the event loop, as many as `turns` says. */
const workerOn = (kept: Map<string, Outcome>, turns: (job: Job) => number, isInterrupted = () => false) => {
  let [now, most] = [0, 0]
  const worker: Worker = {
    known: ({ id }) => {
      const outcome = kept.get(id)
      return Promise.resolve(outcome === undefined ? O.none : O.some({ outcome, seconds: id.length }))
    },
    run: async (job): Promise<JobEnd> => {
      if (job._tag === 'FineTuning') expect(kept.get(job.from)?._tag).toBe('Done')
      most = Math.max(most, ++now)
      for (let turn = 0; turn < turns(job); turn++) {
        await new Promise((resolve) => setImmediate(resolve))
        if (isInterrupted()) {
          now--
          return { _tag: 'Interrupted' }
        }
      }
      now--
      kept.set(job.id, endOf(job))
      return endOf(job)
    }
  }
  return { worker, most: () => most }
}

const wholeOf = async (): Promise<ReadonlyMap<string, Outcome>> => {
  const { worker } = workerOn(new Map(), () => 1)
  return (await carryOut(declaration, arms, worker, { jobs: 1, isInterrupted: () => false, observe: () => undefined }))
    .outcomes
}

const sorted = (outcomes: ReadonlyMap<string, Outcome>) => [...outcomes].sort(([a], [b]) => (a < b ? -1 : 1))

describe('an experiment that is carried out', () => {
  it('comes to the same with any number of jobs at a time, and never has more', async () => {
    const whole = sorted(await wholeOf())
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.nat(5), { minLength: 7, maxLength: 7 }),
        async (jobs, turns) => {
          const { worker, most } = workerOn(new Map(), ({ id }) => turns[id.length % turns.length])
          const events: Array<Event> = []
          const done = await carryOut(declaration, arms, worker, {
            jobs,
            isInterrupted: () => false,
            observe: (event) => events.push(event)
          })
          expect(done.isComplete).toBe(true)
          expect(sorted(done.outcomes)).toEqual(whole)
          expect(most()).toBeLessThanOrEqual(jobs)
          const begun = events.flatMap((event) => (event._tag === 'Begun' ? [event.job.id] : []))
          expect([...begun].sort()).toEqual(whole.map(([id]) => id))
        }
      )
    )
  })

  it('is interrupted at any moment, and comes to the same when it goes on', async () => {
    const whole = sorted(await wholeOf())
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 3 }),
        fc.array(fc.nat(30), { maxLength: 6 }),
        async (jobs, moments) => {
          const kept = new Map<string, Outcome>()
          for (const moment of [...moments, Infinity]) {
            let turn = 0
            const isInterrupted = (): boolean => turn++ >= moment
            const { worker } = workerOn(kept, () => 2, isInterrupted)
            const before = sorted(kept)
            const recalled = new Map<string, Outcome>()
            const observe = (event: Event): void => {
              if (event._tag !== 'Recalled') return
              recalled.set(event.job.id, event.outcome)
              expect(event.seconds).toBe(event.job.id.length)
            }
            const done = await carryOut(declaration, arms, worker, { jobs, isInterrupted, observe })
            expect(done.isComplete).toBe(kept.size === whole.length)
            expect(sorted(recalled)).toEqual(before)
          }
          expect(sorted(kept)).toEqual(whole)
        }
      )
    )
  })

  it('ends with what a job could not begin for, when those that run have ended', async () => {
    const kept = new Map<string, Outcome>()
    const { worker } = workerOn(kept, () => 5)
    const refused = new Error('no more processes')
    const run: Worker['run'] = (job) => (kept.size === 3 ? Promise.reject(refused) : worker.run(job))
    const options = { jobs: 3, isInterrupted: () => false, observe: () => undefined }
    await expect(carryOut(declaration, arms, { ...worker, run }, options)).rejects.toBe(refused)
    const ended = kept.size
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(kept.size).toBe(ended)
    // Nothing of it was kept: it goes on as if it had been interrupted.
    const { outcomes } = await carryOut(declaration, arms, worker, options)
    expect(sorted(outcomes)).toEqual(sorted(await wholeOf()))
  })

  it('keeps what failed, and trains nothing on it', async () => {
    const whole = await wholeOf()
    const ids = [...whole.keys()]
    const [failed] = ids.filter((id) => /^electra-[12]e3-s2/.test(id))
    expect(whole.get(failed)).toEqual({ _tag: 'Failed', reason: 'diverged' })
    expect(ids.filter((id) => id.startsWith(`${failed}-`))).toEqual([])
    expect(ids.filter((id) => id.startsWith('mlm-1e3-s2-'))).toHaveLength(1)
  })
})
