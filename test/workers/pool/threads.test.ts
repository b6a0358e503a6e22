import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { describe, expect, it } from 'vitest'
import { outputSpecs } from '../../../src/tensor/program/program.js'
import type { DeviceChoice } from '../../../src/tensor/run/choose.js'
import { createMemory } from '../../../src/tensor/run/memory/memory.js'
import { referenceLimits } from '../../../src/tensor/run/reference/limits.js'
import { reference } from '../../../src/tensor/run/reference/reference.js'
import { wasm } from '../../../src/tensor/run/wasm/wasm.js'
import type { WorkerError } from '../../../src/workers/error.js'
import { inProcess } from '../../../src/workers/pool/in-process.js'
import { allocateSlots, readSlots, writeSlots } from '../../../src/workers/pool/memory.js'
import type { Pool } from '../../../src/workers/pool/pool.js'
import { factsOf } from '../../../src/workers/pool/runner.js'
import { acquirePool, withPool } from '../../../src/workers/pool/threads.js'
import { treeSumProgram } from '../../../src/workers/fold/tree-sum.js'
import { startWorkerThread } from '../../../src/workers/pool/worker-thread.js'
import { built } from '../../built.js'
import { right } from '../../tensor/program/agreement.js'
import { collectUntil } from '../../tensor/run/memory/collect-garbage.js'
import { train } from '../train.js'

const entry = built('workers/pool/thread.js')

const plain: DeviceChoice = { device: 'reference', matmul: 'own', floats: 'float32' }

describe('worker threads', () => {
  it('give the same bits, 1, 2 or 3 of them and in process, whatever the number of shards', async () => {
    const all = (pool: Pool): TE.TaskEither<WorkerError, ReadonlyArray<ReadonlyArray<string>>> =>
      TE.traverseSeqArray((shards: number) => train(shards)(pool))([1, 4, 5])
    const alone = await all(inProcess(reference({ floats: 'float32' })))()
    expect(E.isRight(alone)).toBe(true)
    for (const workers of [1, 2, 3]) expect(await withPool({ workers, choice: plain, entry })(all)()).toEqual(alone)
  })

  it('give the same bits with room for all shards and for few', async () => {
    const all = await withPool({ workers: 2, choice: plain, entry })(train(7, { shardsAtOnce: 7 }))()
    expect(E.isRight(all)).toBe(true)
    for (const shardsAtOnce of [1, 2, 4])
      expect(await withPool({ workers: 2, choice: plain, entry })(train(7, { shardsAtOnce }))()).toEqual(all)
  })

  it.each<DeviceChoice>([
    { device: 'wasm', matmul: 'own', floats: 'float32' },
    { device: 'reference', matmul: 'own', floats: 'float64' }
  ])('give the same bits on $device in $floats too', async (choice) => {
    const [one, two] = await Promise.all([1, 2].map((workers) => withPool({ workers, choice, entry })(train(4))()))
    expect(E.isRight(one)).toBe(true)
    expect(two).toEqual(one)
  })

  it('take a program as another thread compiled it, on a device that compiles', async () => {
    const memory = right(createMemory())
    const program = treeSumProgram([{ shape: [3], dtype: 'f32' }], 2)
    for (const device of ['wasm', 'reference'] as const) {
      const choice = { device, matmul: 'own', floats: 'float32' } as const
      const facts = factsOf(device === 'wasm' ? wasm() : reference({ floats: 'float32' }))
      const deadlines = { taskSeconds: 60, loadSeconds: 60, endSeconds: 60 }
      const start = startWorkerThread({ entry, choice, device: facts, memory, deadlines })
      const [one, other] = [0, 1].map((worker) => right(start(worker)()))
      for (const thread of [one, other]) right(await thread.open())
      const known = right(await one.load(0, program)())
      expect(known.compilation?.module instanceof WebAssembly.Module).toBe(device === 'wasm')
      expect(right(await other.load(0, program, known)())).toEqual(known)
      for (const thread of [one, other]) right(await thread.end())
    }
  })

  it('say what device they run on', async () => {
    const facts = await withPool({ workers: 2, choice: { ...plain, floats: 'float64' }, entry })((pool) =>
      TE.right({ workers: pool.workers, ...pool.device })
    )()
    expect(facts).toEqual(
      E.right({
        workers: 2,
        name: 'reference',
        multiplier: 'own',
        timing: 'sync',
        floats: 'float64',
        limits: referenceLimits
      })
    )
  })

  it('answer a task for a program that was never loaded', async () => {
    const answer = await withPool({ workers: 2, choice: plain, entry })((pool) =>
      pool.run([{ program: 5, inputs: [], outputs: [] }])
    )()
    expect(answer).toMatchObject(E.left({ _tag: 'ProgramRejected', program: '5' }))
  })

  it('work in one memory: a task reads what was written here, and writes what is read here', async () => {
    const program = treeSumProgram([{ shape: [3], dtype: 'i32' }], 2)
    // So much before them that the memory has grown since the threads were given it.
    const before = 2 ** 20
    const sums = await withPool({ workers: 2, choice: plain, entry })((pool) =>
      pipe(
        TE.Do,
        TE.bind('id', () => pool.load(program)),
        TE.bind('memory', () => TE.fromIOEither(pool.memory)),
        TE.bind('slots', ({ memory }) =>
          TE.fromIOEither(
            allocateSlots(memory, 'float32', {
              before: { shape: [before], dtype: 'f32' },
              inputs: program.inputs,
              outputs: [outputSpecs(program), outputSpecs(program)] as const
            })
          )
        ),
        TE.chainFirst(({ memory, slots: { inputs } }) =>
          TE.fromIOEither(
            writeSlots(memory, 'float32')('test', inputs, [Int32Array.of(1, 2, 3), Int32Array.of(10, 20, 30)])
          )
        ),
        TE.chainFirst(({ id, slots: { inputs, outputs } }) =>
          pool.run(outputs.map((each) => ({ program: id, inputs, outputs: each })))
        ),
        TE.map(({ memory, slots: { outputs } }) => outputs.map((each) => readSlots(memory, 'float32')(each)()))
      )
    )()
    expect(sums).toEqual(E.right([[Int32Array.of(11, 22, 33)], [Int32Array.of(11, 22, 33)]]))
  })

  it('leave no memory behind: nobody holds it once the pool is released', async () => {
    const used = await withPool({ workers: 2, choice: plain, entry })((pool) =>
      pipe(
        train(2)(pool),
        TE.chainIOEitherK(() => pool.memory),
        TE.map(({ wasm }) => new WeakRef(wasm))
      )
    )()
    if (E.isLeft(used)) throw new Error('the pool was not had')
    await collectUntil(() => used.right.deref() === undefined)
    expect(used.right.deref()).toBeUndefined()
  })

  it('answer arrays that are not those of the program', async () => {
    const program = treeSumProgram([{ shape: [2], dtype: 'f32' }], 2)
    const answer = await withPool({ workers: 2, choice: plain, entry })((pool) =>
      pipe(
        TE.Do,
        TE.bind('id', () => pool.load(program)),
        TE.bind('memory', () => TE.fromIOEither(pool.memory)),
        TE.bind('outputs', ({ memory }) => TE.fromIOEither(allocateSlots(memory, 'float32', outputSpecs(program)))),
        TE.chain(({ id, outputs }) => pool.run([{ program: id, inputs: outputs, outputs }]))
      )
    )()
    expect(answer).toMatchObject(E.left({ _tag: 'WrongArrays', device: 'reference' }))
  })
})

describe('a pool of threads that cannot be had', () => {
  it.each([0, -1, 1.5, Number.NaN])('is refused for %s workers', async (workers) => {
    expect(await acquirePool({ workers, choice: plain, entry })()).toMatchObject(E.left({ _tag: 'WrongWorkerCount' }))
  })

  it('is refused with more than one worker on an asynchronous device', async () => {
    const choice: DeviceChoice = { device: 'wasm', matmul: 'gpu.js:cpu', floats: 'float32' }
    expect(await acquirePool({ workers: 2, choice, entry })()).toMatchObject(
      E.left({ _tag: 'WrongWorkerCount', found: 2, expected: '1' })
    )
    expect(await withPool({ workers: 1, choice, entry })((pool) => TE.right(pool.device.timing))()).toEqual(
      E.right('async')
    )
  })

  it('is refused where the device is', async () => {
    const choice: DeviceChoice = { device: 'wasm', matmul: 'own', floats: 'float64' }
    expect(await acquirePool({ workers: 2, choice, entry })()).toMatchObject(E.left({ _tag: 'Unsupported' }))
  })

  it('is refused where a thread has another device, which would compute other bits', async () => {
    const other = new URL('../entries/exits.mjs', import.meta.url)
    const choice: DeviceChoice = { ...plain, floats: 'float64' }
    expect(await acquirePool({ workers: 1, choice, entry: other })()).toEqual(
      E.left({
        _tag: 'DeviceUnavailable',
        wanted: 'reference with own in float64',
        reason: 'worker 0 did not find it',
        available: ['reference with own in float32']
      })
    )
  })

  it('is refused where the entry is no module', async () => {
    const nowhere = new URL('./entries/nowhere.mjs', import.meta.url)
    expect(await acquirePool({ workers: 2, choice: plain, entry: nowhere })()).toMatchObject(
      E.left({ _tag: 'TaskFailed', worker: 0, attempts: 3, cause: { _tag: 'WorkerFailed', worker: 0 } })
    )
  })

  it('is refused before any is started where memory does not hold them', async () => {
    let started = 0
    const count = (): void => void started++
    process.on('worker', count)
    const acquired = await acquirePool({ workers: 1_000_000, choice: plain, entry })()
    process.off('worker', count)
    expect(acquired).toMatchObject(E.left({ _tag: 'NoThreads' }))
    expect(started).toBe(0)
  })

  it('is refused where each thread ends before it has opened', async () => {
    const absent = new URL('../entries/absent.mjs', import.meta.url)
    expect(await acquirePool({ workers: 1, choice: plain, entry: absent })()).toEqual(
      E.left({ _tag: 'TaskFailed', worker: 0, attempts: 3, cause: { _tag: 'WorkerExited', worker: 0, code: 3 } })
    )
  })
})

describe('a thread that is lost each time', () => {
  const task = { program: 0, inputs: [], outputs: [] }
  const failed = (cause: WorkerError) => E.left({ _tag: 'TaskFailed', worker: 0, attempts: 3, cause })

  it('in the middle of a task is a Left with the last exit after three of them, and the pool is there for other work', async () => {
    const exits = new URL('../entries/exits.mjs', import.meta.url)
    const answers = await withPool({ workers: 1, choice: plain, entry: exits })((pool) =>
      TE.fromTask(async () => [
        await pool.run([task])(),
        await pool.run([task])(),
        await pool.load(treeSumProgram([], 1))()
      ])
    )()
    const exited = failed({ _tag: 'WorkerExited', worker: 0, code: 7 })
    expect(answers).toEqual(E.right([exited, exited, E.right(0)]))
  })

  it('by an error of its own is a Left with what it threw, as is an error thrown by a method', async () => {
    const throws = new URL('../entries/throws.mjs', import.meta.url)
    const answers = await withPool({ workers: 1, choice: plain, entry: throws })((pool) =>
      TE.fromTask(async () => [await pool.load(treeSumProgram([], 1))(), await pool.run([task])()])
    )()
    const threw = (reason: string) => failed({ _tag: 'WorkerFailed', worker: 0, reason })
    expect(answers).toEqual(E.right([threw('no room for the program'), threw('the thread is broken')]))
  })
})

/** What a program that uses the built package prints before it ends by itself; it is given 30 seconds. */
const runBuilt = async (program: string, ...flags: ReadonlyArray<string>): Promise<string> => {
  const script = `
    import * as E from 'fp-ts/lib/Either.js'
    import * as TE from 'fp-ts/lib/TaskEither.js'
    import { treeSumProgram } from ${JSON.stringify(built('workers/fold/tree-sum.js').href)}
    import { withPool } from ${JSON.stringify(built('workers/index.js').href)}
    const choice = { device: 'reference', matmul: 'own', floats: 'float32' }
    const program = treeSumProgram([{ shape: [2], dtype: 'f32' }], 2)
    ${program}`
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, '--input-type=module', '-e', script], {
    timeout: 30_000
  })
  return stdout.trim()
}

describe('a process that used a pool', () => {
  it('ends by itself once the pool is released', async () => {
    expect(
      await runBuilt(`
        const answer = await withPool({ workers: 2, choice })((pool) => pool.load(program))()
        console.log(E.isRight(answer))`)
    ).toBe('true')
  })

  it('ends by itself when what it did with the pool failed', async () => {
    expect(
      await runBuilt(`
        const answer = await withPool({ workers: 2, choice })(() => TE.left('enough'))()
        console.log(answer.left)`)
    ).toBe('enough')
  })

  it('outlives threads that run out of memory, and says so', async () => {
    const entry = new URL('../entries/devours.mjs', import.meta.url).href
    const told = await runBuilt(
      `
        const tasks = [{ program: 0, inputs: [], outputs: [] }]
        const answer = await withPool({ workers: 2, choice, entry: new URL(${JSON.stringify(entry)}) })((pool) =>
          TE.fromTask(async () => [await pool.run(tasks)(), await pool.load(program)()]))()
        console.log(JSON.stringify(answer.right))`,
      '--max-old-space-size=24'
    )
    expect(JSON.parse(told)).toEqual([
      E.left({
        _tag: 'TaskFailed',
        worker: 0,
        attempts: 3,
        cause: {
          _tag: 'WorkerFailed',
          worker: 0,
          reason: expect.stringMatching(/reaching memory limit/) as unknown
        }
      }),
      E.right(0)
    ])
  })

  it('ends by itself when workers were lost', async () => {
    const entry = new URL('../entries/exits.mjs', import.meta.url).href
    expect(
      await runBuilt(`
        const answer = await withPool({ workers: 2, choice, entry: new URL(${JSON.stringify(entry)}) })((pool) =>
          pool.run([{ program: 0, inputs: [], outputs: [] }]))()
        console.log(answer.left._tag)`)
    ).toBe('TaskFailed')
  })
})
