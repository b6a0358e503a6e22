import * as E from 'fp-ts/lib/Either.js'
import * as T from 'fp-ts/lib/Task.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { WorkerError } from '../../../src/workers/error.js'
import { lazyMemory } from '../../../src/tensor/run/memory/memory.js'
import { poolOf, type Member, type Pool } from '../../../src/workers/pool/pool.js'
import { wasmLimits } from '../../../src/tensor/run/wasm/limits.js'
import type { DeviceFacts, ProgramTask } from '../../../src/workers/pool/runner.js'

const device: DeviceFacts = { name: 'none', multiplier: 'none', timing: 'sync', floats: 'float32', limits: wasmLimits }

const tasks = (n: number): ReadonlyArray<ProgramTask> =>
  Array.from({ length: n }, (_, program) => ({ program, inputs: [], outputs: [] }))

const never = new Promise<never>(() => undefined)

const willing: Member = {
  load: () => TE.right({ workingBytes: 0 }),
  run: () => TE.right(undefined),
  lost: never,
  release: T.of(undefined)
}

const empty = { inputs: [], instructions: [], outputs: [] }

const memory = lazyMemory()

const poolOn = (members: ReadonlyArray<Member>): Pool => poolOf(members, device, memory)

type Event = { readonly member: number; readonly task: number; readonly what: 'begin' | 'end' }

/** Members that take as long as the scheduler likes, fail at the tasks named, and note what they do. */
const members = (
  n: number,
  scheduler: fc.Scheduler,
  events: Array<Event>,
  failing: ReadonlyArray<number> = []
): ReadonlyArray<Member> =>
  Array.from({ length: n }, (_, member) => ({
    load: () => TE.right({ workingBytes: 0 }),
    run:
      ([{ program: task }]) =>
      async () => {
        events.push({ member, task, what: 'begin' })
        await scheduler.schedule(Promise.resolve())
        events.push({ member, task, what: 'end' })
        return failing.includes(task)
          ? E.left<WorkerError>({ _tag: 'WorkerFailed', worker: member, reason: `task ${task}` })
          : E.right(undefined)
      },
    lost: never,
    release: T.of(undefined)
  }))

const workers = fc.integer({ min: 1, max: 4 })
const count = fc.integer({ min: 0, max: 9 })

const numbersOf = (events: ReadonlyArray<Event>, what: Event['what']): ReadonlyArray<number> =>
  events.filter((e) => e.what === what).map((e) => e.task)

describe('a pool', () => {
  it('runs every task exactly once, and hands them out in order', () =>
    fc.assert(
      fc.asyncProperty(fc.scheduler(), workers, count, async (scheduler, n, m) => {
        const events: Array<Event> = []
        const answer = poolOn(members(n, scheduler, events)).run(tasks(m))()
        await scheduler.waitFor(answer)
        expect(await answer).toEqual(E.right(undefined))
        expect(numbersOf(events, 'begin')).toEqual(Array.from({ length: m }, (_, i) => i))
        expect(numbersOf(events, 'end')).toHaveLength(m)
      })
    ))

  it('gives a member one task at a time, though calls overlap', () =>
    fc.assert(
      fc.asyncProperty(fc.scheduler(), workers, count, count, async (scheduler, n, m1, m2) => {
        const events: Array<Event> = []
        const pool = poolOn(members(n, scheduler, events))
        const both = Promise.all([pool.run(tasks(m1))(), pool.run(tasks(m2))()])
        await scheduler.waitFor(both)
        for (let member = 0; member < n; member++)
          events
            .filter((e) => e.member === member)
            .forEach((e, i, own) => {
              expect(e.what).toBe(i % 2 === 0 ? 'begin' : 'end')
              if (e.what === 'end') expect(e.task).toBe(own[i - 1].task)
            })
      })
    ))

  it('keeps every member busy while there are tasks left', () =>
    fc.assert(
      fc.asyncProperty(fc.scheduler(), workers, count, async (scheduler, n, m) => {
        const events: Array<Event> = []
        const answer = poolOn(members(n, scheduler, events)).run(tasks(m))()
        await scheduler.waitFor(answer)
        const first = events.slice(0, Math.min(n, m))
        expect(new Set(first.map((e) => e.member)).size).toBe(first.length)
        expect(first.every((e) => e.what === 'begin')).toBe(true)
      })
    ))

  it('answers with a failure once nothing runs any more, and begins no task after it', () =>
    fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        workers,
        fc.integer({ min: 1, max: 9 }).chain((m) => fc.tuple(fc.constant(m), fc.nat(m - 1))),
        async (scheduler, n, [m, failing]) => {
          const events: Array<Event> = []
          const answer = poolOn(members(n, scheduler, events, [failing])).run(tasks(m))()
          await scheduler.waitFor(answer)
          expect(await answer).toMatchObject(E.left({ _tag: 'WorkerFailed', reason: `task ${failing}` }))
          expect([...numbersOf(events, 'begin')].sort()).toEqual([...numbersOf(events, 'end')].sort())
          const failed = events.findIndex((e) => e.task === failing && e.what === 'end')
          expect(events.slice(failed + 1).every((e) => e.what === 'end')).toBe(true)
        }
      )
    ))

  it('numbers the programs that it loads', async () => {
    const pool = poolOn([willing])
    expect(await pool.load(empty)()).toEqual(E.right(0))
    expect(await pool.load(empty)()).toEqual(E.right(1))
  })

  it('that has lost a member does not go on without it, not even for work that others could do', async () => {
    const exited: WorkerError = { _tag: 'WorkerExited', worker: 1, code: 9 }
    const pool = poolOn([willing, { ...willing, lost: Promise.resolve(exited) }])
    expect(await pool.run(tasks(1))()).toEqual(E.left(exited))
    expect(await pool.load(empty)()).toEqual(E.left(exited))
    expect(pool.memory()).toEqual(E.left(exited))
  })

  it('compiles a program on one member, and gives the others what came of it', async () => {
    const given: Array<unknown> = []
    const made = { workingBytes: 7 }
    const member: Member = {
      ...willing,
      load: (_, program, known) => {
        given.push([program, known])
        return TE.right(known ?? made)
      }
    }
    expect(await poolOn([member, member, member]).load(empty)()).toEqual(E.right(0))
    expect(given).toEqual([
      [empty, undefined],
      [empty, made],
      [empty, made]
    ])
  })

  it('works in as many bytes as the most that a program asks for', async () => {
    const asked = [10, 30, 20]
    const asking = (): Member => {
      const left = [...asked]
      return { ...willing, load: () => TE.right({ workingBytes: left.shift() ?? 0 }) }
    }
    const pool = poolOn([asking(), asking()])
    const seen = [pool.workingBytes()]
    for (const _ of asked) {
      await pool.load(empty)()
      seen.push(pool.workingBytes())
    }
    expect(seen).toEqual([0, 10, 30, 30])
  })

  it('releases its members once, and answers PoolReleased from then on', async () => {
    let releases = 0
    const member: Member = {
      ...willing,
      release: () => {
        releases++
        return Promise.resolve()
      }
    }
    const pool = poolOn([member, member])
    expect(E.isRight(pool.memory())).toBe(true)
    await pool.release()
    await pool.release()
    expect(releases).toBe(2)
    expect(await pool.run(tasks(1))()).toEqual(E.left({ _tag: 'PoolReleased' }))
    expect(await pool.load(empty)()).toEqual(E.left({ _tag: 'PoolReleased' }))
    expect(pool.memory()).toEqual(E.left({ _tag: 'PoolReleased' }))
  })
})
