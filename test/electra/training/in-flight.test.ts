/**
 * Work in flight, and a session whose calls are all made at once: each begins from what those before it have come to.
 */

import fc from 'fast-check'
import * as E from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { describe, expect, it } from 'vitest'
import { inFlight } from '../../../src/electra/training/in-flight.js'
import { openSession, type Session } from '../../../src/electra/training/session.js'
import { left, right, rightOf } from '../data/right.js'
import { broken, lateFolds, toyProblem, type Lateness, type Seen } from './late-folds.js'

const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise((resume) => setImmediate(resume))
}

describe('work in flight', () => {
  type Piece = { readonly begins: number; readonly beside: number; readonly takes: number; readonly fails: boolean }

  const pieces: fc.Arbitrary<ReadonlyArray<Piece>> = fc.array(
    fc.record({
      begins: fc.nat({ max: 2 }),
      beside: fc.nat({ max: 3 }),
      takes: fc.nat({ max: 3 }),
      fails: fc.integer({ min: 0, max: 5 }).map((n) => n === 0)
    }),
    { maxLength: 8 }
  )

  it('begins in order, beside no more than it may, and not where it has waited for what failed', () =>
    fc.assert(
      fc.asyncProperty(pieces, async (all) => {
        const { begun } = inFlight<string>()
        const unsettled = new Set<number>()
        const order: Array<number> = []
        let last: Promise<unknown> = Promise.resolve()
        const outcomes = await Promise.all(
          all.map(async ({ begins, beside, takes, fails }, i) => {
            const rest: TaskEither<string, number> = () => {
              // They settle in order, as steps do.
              const settled = last.then(() => turns(takes))
              last = settled
              return settled.then(() => (fails ? E.left(`failed ${i}`) : E.right(i)))
            }
            const outcome = await begun(
              () => beside,
              async () => {
                expect(unsettled.size).toBeLessThanOrEqual(beside)
                await turns(begins)
                order.push(i)
                unsettled.add(i)
                return E.right(rest)
              }
            )()
            unsettled.delete(i)
            return outcome
          })
        )
        expect(order).toEqual([...order].sort((a, b) => a - b))
        outcomes.forEach((outcome, i) => {
          const awaited = outcomes.slice(0, Math.max(0, i - all[i].beside))
          const failed = awaited.find(E.isLeft)
          expect(outcome).toEqual(failed ?? (all[i].fails ? E.left(`failed ${i}`) : E.right(i)))
          expect(order.includes(i)).toBe(failed === undefined)
        })
      })
    ))
})

const steps = 9

const opened = async (late: Lateness, starts: ReadonlyArray<number>) => {
  const seen: Seen = { inFlight: 0, mostInFlight: 0, carriedOut: [] }
  const session = await rightOf(openSession(toyProblem(steps, starts))(lateFolds(late, seen)))
  return { seen, session }
}

/** Steps, each with what the session is asked for behind it: one after the other, or all at once. */
const calls = (session: Session): ReadonlyArray<() => Promise<unknown>> =>
  Array.from({ length: steps }, (_, n) => n).flatMap((n) => [
    session.step(n),
    ...(n % 4 === 1 ? [session.read] : []),
    ...(n % 4 === 2 ? [session.evaluate] : [])
  ])

const inTurn = async (all: ReadonlyArray<() => Promise<unknown>>): Promise<ReadonlyArray<unknown>> => {
  const answers: Array<unknown> = []
  for (const call of all) answers.push(await call())
  return answers
}

const lateness: fc.Arbitrary<Lateness> = fc.record({
  window: fc.integer({ min: 1, max: 4 }),
  turns: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 5 })
})

const starts = fc.uniqueArray(fc.integer({ min: 1, max: 8 }), { maxLength: 2 }).map((all) => all.sort((a, b) => a - b))

describe('a session', () => {
  it('answers calls that are all made at once as if each had been awaited, with no more in flight than there may be', () =>
    fc.assert(
      fc.asyncProperty(lateness, starts, async (late, from) => {
        const [apart, together] = [await opened({ window: 1, turns: [1] }, from), await opened(late, from)]
        const expected = await inTurn(calls(apart.session))
        expect(await Promise.all(calls(together.session).map((call) => call()))).toEqual(expected)
        expect(together.seen.mostInFlight).toBeLessThanOrEqual(late.window)
        expect(together.session.window()).toBe(late.window)
      }),
      { numRuns: 50 }
    ))

  it('takes no step behind one that failed until a state is written, where it has a window', () =>
    fc.assert(
      fc.asyncProperty(lateness, starts, fc.nat({ max: steps - 1 }), async (late, from, step) => {
        fc.pre(late.window > 1)
        const { session, seen } = await opened({ ...late, failing: { step, isLost: false } }, from)
        const answers = await Promise.all(Array.from({ length: steps }, (_, n) => session.step(n)()))
        expect(answers.map(E.isRight)).toEqual(answers.map((_, n) => n < step))
        expect(seen.carriedOut).toEqual(Array.from({ length: step }, (_, n) => n))
        answers.slice(step).forEach((answer) => expect(left(answer)).toBe(broken))
        expect(left(await session.step(steps)())).toBe(broken)
        const state = right(await session.read())
        await rightOf(session.write(state, step))
        expect(E.isRight(await session.step(steps)())).toBe(true)
      }),
      { numRuns: 50 }
    ))
})
