/**
 * A member that replaces its threads, on threads that are made up.
 */

import fc from 'fast-check'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { describe, expect, it } from 'vitest'
import { createMemory, type Memory } from '../../../src/tensor/run/memory/memory.js'
import type { Loss, WorkerError } from '../../../src/workers/error.js'
import {
  superviseWorker,
  type SupervisedWorker,
  type SupervisionOptions,
  type Replaced
} from '../../../src/workers/pool/supervised-worker.js'
import type { Workspace } from '../../../src/workers/pool/workspace.js'
import type { WorkerThread } from '../../../src/workers/pool/worker-thread.js'
import type { Ran } from '../../../src/workers/pool/protocol.js'

const newMemory = (): Memory => {
  const made = createMemory()
  if (E.isLeft(made)) throw new Error('no memory was made')
  return made.right
}

const exited: Loss = { _tag: 'WorkerExited', worker: 0, code: 9 }
const answered: WorkerError = { _tag: 'DeviceFailed', device: 'none', reason: 'no' }

const task = { program: 0, inputs: [], outputs: [] }
const empty = { inputs: [], instructions: [], outputs: [] }

const done: Ran = { _tag: 'Done' }

const willing: WorkerThread = {
  open: TE.right(undefined),
  load: () => TE.right({ workingBytes: 0 }),
  run: () => TE.right(done),
  end: TE.right(undefined)
}

/** A member whose n-th thread, counted from 0, is the n-th that is given, and from then on the last. */
const memberOn = (threads: ReadonlyArray<Partial<WorkerThread>>, change: Partial<SupervisionOptions> = {}) => {
  let started = 0
  const replaced: Array<Replaced> = []
  const member = superviseWorker({
    worker: 0,
    start: () => E.right({ ...willing, ...threads[Math.min(started++, threads.length - 1)] }),
    memory: newMemory(),
    attempts: 3,
    onReplaced: (event) => replaced.push(event),
    ...change
  })
  return { member, replaced, started: () => started }
}

const run = (member: SupervisedWorker): Promise<E.Either<WorkerError, void>> => member.run([task])()

describe('a member that outlives its threads', () => {
  it('does again what a lost thread had not done, and says so once the next is ready', async () => {
    const { member, replaced, started } = memberOn([{ run: () => TE.left(exited) }, {}])
    expect(await run(member)).toEqual(E.right(undefined))
    expect(replaced).toEqual([{ worker: 0, cause: exited }])
    expect(started()).toBe(2)
  })

  it('tells each thread where to count what it has done: a later one begins where a lost one stood, a later job at none', async () => {
    const memory = newMemory()
    const begun: Array<number> = []
    const run =
      (does: number, then: E.Either<WorkerError, Ran>): WorkerThread['run'] =>
      (_, __, progress) =>
      async () => {
        const done = memory.view('i32', progress, 1) as Int32Array
        begun.push(done[0])
        done[0] += does
        return Promise.resolve(then)
      }
    const { member } = memberOn(
      [{ run: run(2, E.left(exited)) }, { run: run(1, E.left(exited)) }, { run: run(2, E.right(done)) }],
      { memory }
    )
    const tasks = Array.from({ length: 5 }, () => task)
    expect(await member.run(tasks)()).toEqual(E.right(undefined))
    expect(await member.run(tasks)()).toEqual(E.right(undefined))
    expect(begun).toEqual([0, 2, 3, 0])
  })

  it('starts a thread only when the one before has ended, whatever it is lost to', () =>
    fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(fc.constantFrom('open', 'load', 'run'), { maxLength: 6 }),
        async (scheduler, losses) => {
          const events: Array<'start' | 'end'> = []
          let number = 0
          const start = (): E.Either<WorkerError, WorkerThread> => {
            // The first is whole, so that there is something to load on those that follow.
            const lostAt = number === 0 ? undefined : losses[number - 1]
            number++
            events.push('start')
            const at =
              (what: string) =>
              <A>(value: A): TE.TaskEither<WorkerError, A> =>
              async () => {
                await scheduler.schedule(Promise.resolve(), what)
                return lostAt === what || (what === 'run' && number === 1) ? E.left(exited) : E.right(value)
              }
            return E.right({
              open: at('open')(undefined),
              load: () => at('load')({ workingBytes: 0 }),
              run: () => at('run')(done),
              end: async () => {
                await scheduler.schedule(Promise.resolve(), 'end')
                events.push('end')
                return E.right(undefined)
              }
            })
          }
          const { member, replaced } = memberOn([], { start, attempts: 8 })
          const answer = pipe(
            member.load(0, empty),
            TE.chain(() => member.run([task]))
          )()
          await scheduler.waitFor(answer)
          expect(await answer).toEqual(E.right(undefined))
          expect(events).toEqual([...losses.flatMap(() => ['start', 'end']), 'start', 'end', 'start'])
          // Those that were lost before they were ready have taken nobody's place.
          expect(replaced).toHaveLength(1 + losses.filter((what) => what === 'run').length)
        }
      )
    ))

  it('loads what was loaded on every thread that follows, in the order of loading, as the first of them compiled it', async () => {
    const loads: Array<ReadonlyArray<unknown>> = []
    const noting = (): Partial<WorkerThread> => {
      const own: Array<unknown> = []
      loads.push(own)
      return {
        load: (id, _, known) => {
          own.push(known?.workingBytes ?? id)
          return id === 2 ? TE.left(answered) : TE.right({ workingBytes: 10 * id })
        }
      }
    }
    const { member } = memberOn([{ ...noting(), run: () => TE.left(exited) }, noting()])
    const loaded = [0, 1, 2, 3].map((id) => member.load(id, empty))
    expect((await TE.sequenceSeqArray(loaded.slice(0, 2))())._tag).toBe('Right')
    // What a device refused is not asked again.
    expect(await loaded[2]()).toEqual(E.left(answered))
    expect((await loaded[3]())._tag).toBe('Right')
    expect(await run(member)).toEqual(E.right(undefined))
    expect(loads).toEqual([
      [0, 1, 2, 3],
      [0, 10, 30]
    ])
  })

  it('passes on what a thread answers, at the first time', async () => {
    const { member, replaced, started } = memberOn([{ run: () => TE.left(answered) }])
    expect(await run(member)).toEqual(E.left(answered))
    expect([replaced, started()]).toEqual([[], 1])
  })

  it.each([1, 2, 5])('gives a task up that has cost %i threads, and takes the next', async (attempts) => {
    const lost = Array.from({ length: attempts }, (): Partial<WorkerThread> => ({ run: () => TE.left(exited) }))
    const { member, started } = memberOn([...lost, {}], { attempts })
    expect(await run(member)).toEqual(E.left({ _tag: 'TaskFailed', worker: 0, attempts, cause: exited }))
    expect(started()).toBe(attempts)
    expect(await run(member)).toEqual(E.right(undefined))
    expect(started()).toBe(attempts + 1)
  })

  it('opens though threads are lost as they open, unless too many are', () =>
    fc.assert(
      fc.asyncProperty(fc.nat({ max: 5 }), fc.integer({ min: 1, max: 4 }), async (losses, attempts) => {
        const failing = Array.from({ length: losses }, () => ({ open: TE.left(exited) }))
        const { member, replaced, started } = memberOn([...failing, {}], { attempts })
        const opened = await member.open()
        if (losses < attempts) {
          expect(opened).toEqual(E.right(undefined))
          expect(replaced).toEqual(losses === 0 ? [] : [{ worker: 0, cause: exited }])
          expect(started()).toBe(losses + 1)
        } else {
          expect(opened).toEqual(E.left({ _tag: 'TaskFailed', worker: 0, attempts, cause: exited }))
          expect(started()).toBe(attempts)
        }
      })
    ))

  it('tries no more often to start a thread than to do a task', async () => {
    const none: Loss = { _tag: 'WorkerFailed', worker: 0, reason: 'no more threads' }
    let starts = 0
    const start = (): E.Either<WorkerError, WorkerThread> =>
      starts++ === 0 ? E.right({ ...willing, run: () => TE.left(exited) }) : E.left(none)
    const { member, replaced } = memberOn([], { start })
    expect(await run(member)).toEqual(E.left({ _tag: 'TaskFailed', worker: 0, attempts: 3, cause: none }))
    expect([starts, replaced]).toEqual([3, []])
  })

  it('is lost for good with a thread that does not end, and starts no other', async () => {
    const stuck: WorkerError = { _tag: 'WorkerStuck', worker: 0, seconds: 30 }
    const { member, started } = memberOn([{ run: () => TE.left(exited), end: TE.left(stuck) }])
    expect([await run(member), await run(member), await member.load(0, empty)()]).toEqual([
      E.left(stuck),
      E.left(stuck),
      E.left(stuck)
    ])
    expect(await member.lost).toEqual(stuck)
    expect(started()).toBe(1)
  })

  it('ends its thread when it is released, though that has not opened yet, and starts no other', async () => {
    let endOpening: (answer: E.Either<WorkerError, void>) => void
    const opening = new Promise<E.Either<WorkerError, void>>((settle) => {
      endOpening = settle
    })
    const { member, started, replaced } = memberOn([
      { run: () => TE.left(exited) },
      {
        open: () => opening,
        end: () => {
          endOpening(E.left(exited))
          return Promise.resolve(E.right(undefined))
        }
      }
    ])
    const answer = run(member)
    while (started() < 2) await Promise.resolve()
    await member.release()
    expect(await answer).toEqual(E.left({ _tag: 'PoolReleased' }))
    expect([started(), replaced]).toEqual([2, []])
  })

  it('allocates the room that a task needs, and hands it on from thread to thread', async () => {
    const memory = newMemory()
    const rooms: Array<Workspace> = []
    const needing =
      (bytes: number): WorkerThread['run'] =>
      (_, room) => {
        if (room.bytes < bytes) return TE.right({ _tag: 'NeedsWorkspace', bytes, least: bytes })
        rooms.push(room)
        return TE.left(exited)
      }
    const { member } = memberOn([{ run: needing(128) }, { run: needing(128) }, { run: needing(640) }], { memory })
    expect(E.isLeft(await run(member))).toBe(true)
    expect(rooms.map(({ bytes }) => bytes)).toEqual([128, 128, 640])
    expect(rooms[1].address).toBe(rooms[0].address)
    // The last room, and the word where tasks are counted.
    expect(memory.inUse()).toBe(640 + 64)
  })

  it('makes do with the least that a task needs where there is no room for all that its programs want', async () => {
    const rooms: Array<Workspace> = []
    const run: WorkerThread['run'] = (_, room) => {
      rooms.push(room)
      return TE.right(room.bytes < 640 ? { _tag: 'NeedsWorkspace', bytes: 2 ** 40, least: 640 } : done)
    }
    const { member } = memberOn([{ run }])
    expect(await member.run([task])()).toEqual(E.right(undefined))
    expect(rooms.map(({ bytes }) => bytes)).toEqual([0, 640])
  })

  it('leaves its memory as full as it was, however many threads it outlives', async () => {
    const memory = newMemory()
    const run: WorkerThread['run'] = (_, { bytes }) =>
      bytes < 1000 ? TE.right({ _tag: 'NeedsWorkspace', bytes: 1000, least: 64 }) : TE.left(exited)
    const { member } = memberOn([{ run }], { memory, attempts: 50 })
    expect(E.isLeft(await member.run([task])())).toBe(true)
    expect(memory.inUse()).toBe(1024 + 64)
  })

  it('tells how many groups of outputs are finished, and that they are fewer where another thread begins anew', async () => {
    const memory = newMemory()
    const told: Array<number> = []
    /** Finishes groups one after the other, each when the one before has been heard of. */
    const finishing =
      (groups: number, answer: E.Either<WorkerError, Ran>): WorkerThread['run'] =>
      (_, __, progress) =>
      async () => {
        const words = memory.view('i32', progress, 2) as Int32Array
        expect(Atomics.load(words, 1)).toBe(0)
        for (let count = 1; count <= groups; count++) {
          Atomics.store(words, 1, count)
          Atomics.notify(words, 1)
          while (told.at(-1) !== count) await new Promise((resume) => setImmediate(resume))
        }
        return answer
      }
    const threads = [{ run: finishing(2, E.left(exited)) }, { run: finishing(3, E.right(done)) }]
    const { member } = memberOn(threads, { memory })
    expect(await member.run([task], (groups) => told.push(groups))()).toEqual(E.right(undefined))
    expect(told.filter((groups) => groups > 0)).toEqual([1, 2, 1, 2, 3])
  })

  it('answers OutOfMemory where there is no such room', async () => {
    const { member } = memberOn([{ run: () => TE.right({ _tag: 'NeedsWorkspace', bytes: 2 ** 41, least: 2 ** 40 }) }])
    expect(await run(member)).toMatchObject(E.left({ _tag: 'OutOfMemory', wanted: 2 ** 40 }))
  })
})
