import * as E from 'fp-ts/lib/Either.js'
import * as RA from 'fp-ts/lib/ReadonlyArray.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { showWorkerError, type WorkerError } from '../../src/workers/error.js'
import { withPool, type Patience } from '../../src/workers/pool/threads.js'
import { built } from '../built.js'
import { train } from '../workers/train.js'
import type { Death, Way } from './misbehave.js'
import { hasChromium, openPage, type Opened } from './page.js'
import type { PageApi, Trained } from './threads.entry.js'

const isRequired = process.env.PURE_ELECTRA_REQUIRE_GPU === '1'

const title = hasChromium || isRequired ? 'threads in a browser' : 'threads in a browser (skipped: no Chromium)'

const entry = new URL('./threads.entry.ts', import.meta.url)

const shards = 4

describe.skipIf(!hasChromium && !isRequired)(title, () => {
  let opened: Opened | undefined
  let inNode: E.Either<WorkerError, ReadonlyArray<string>>

  beforeAll(async () => {
    opened = await openPage(entry, {
      threads: {
        chaos: new URL('./chaos.thread.ts', import.meta.url),
        spinning: new URL('./spinning.thread.ts', import.meta.url)
      }
    })
    const choice = { device: 'wasm', matmul: 'own', floats: 'float32' } as const
    inNode = await withPool({ workers: 2, choice, entry: built('workers/pool/thread.js') })(train(shards))()
    expect(E.isRight(inNode)).toBe(true)
  })

  afterAll(async () => {
    await opened?.close()
  })

  const trainWith = (
    workers: number,
    plan: ReadonlyArray<Death>,
    patience: Partial<Patience> = {}
  ): Promise<Trained | undefined> | undefined =>
    opened?.page.evaluate(([n, s, deaths, p]) => (globalThis as unknown as PageApi).trainWith(n, s, deaths, p), [
      workers,
      shards,
      plan,
      patience
    ] as const)

  it('compute what those of Node do, bit for bit, and are gone when their pool is released', async () => {
    for (const workers of [1, 3])
      expect(await trainWith(workers, [])).toEqual({
        answer: inNode,
        replaced: [],
        deaths: RA.replicate(64, 0),
        started: workers,
        alive: 0
      })
  })

  it('are replaced when they close, throw, reject or are terminated, with the same bits', async () => {
    const ways: ReadonlyArray<Way> = ['close', 'throw', 'reject', 'unhandled', 'terminate']
    // The gradient, its sum and the update.
    const plan = RA.makeBy(3, (program) => ways.map((way, i): Death => ({ program, run: 2 * i, way }))).flat()
    const trained = await trainWith(2, plan, { attempts: ways.length + 1 })
    expect(trained?.answer).toEqual(inNode)
    expect(trained?.deaths.slice(0, 3)).toEqual(RA.replicate(3, ways.length))
    expect(trained?.replaced).toHaveLength(plan.length)
    expect([trained?.started, trained?.alive]).toEqual([2 + plan.length, 0])
    const reasons = trained?.replaced.map(({ cause }) => showWorkerError(cause).replace(/worker \d/, 'worker'))
    expect(new Set(reasons)).toEqual(
      new Set([
        'worker exited before it answered',
        'worker failed: Uncaught Error: the thread is broken',
        'worker failed: Uncaught Error: nobody handles this',
        expect.stringMatching(/^worker failed: .*undefined/)
      ])
    )
  })

  it('are replaced when they hang, once their deadline has passed', async () => {
    const trained = await trainWith(2, [{ program: 0, run: 5, way: 'hang' }], { taskSeconds: 1 })
    expect(trained?.answer).toEqual(inNode)
    expect(trained?.replaced.map(({ cause }) => cause)).toContainEqual(
      expect.objectContaining({ _tag: 'WorkerOverdue', seconds: 1 })
    )
    expect(trained?.alive).toBe(0)
  })

  it('have ended, when they are said to have, though they were in a loop of WebAssembly', async () => {
    const ended = await opened?.page.evaluate(() => (globalThis as unknown as PageApi).endSpinning())
    expect(ended?.hasEnded).toBe(true)
    expect(ended?.told).toEqual([{ _tag: 'Exited', code: undefined }])
    expect(ended?.counted[0]).not.toBe(0)
    expect(ended?.counted[1]).toBe(ended?.counted[0])
  })
})

describe.skipIf(!hasChromium && !isRequired)(`${title}, refused`, () => {
  const refusal = async (options: { readonly isIsolated?: boolean; readonly isSecure?: boolean }): Promise<unknown> => {
    const { page, close } = await openPage(entry, options)
    const refused = await page.evaluate(() => (globalThis as unknown as PageApi).refusal())
    await close()
    return refused
  }

  it('are not to be had on a page that is not isolated, which is told what is missing', async () => {
    expect(await refusal({ isIsolated: false })).toMatchObject({
      _tag: 'NoThreads',
      found: expect.stringContaining('not cross-origin isolated') as string,
      expected: expect.stringContaining('Cross-Origin-Embedder-Policy: require-corp') as string
    })
  })

  it('are not to be had on a page that is no secure context, headers or not', async () => {
    expect(await refusal({ isSecure: false })).toMatchObject({
      _tag: 'NoThreads',
      found: expect.stringMatching(/^a page from http:\/\/insecure\.test:\d+, which is no secure context$/) as string
    })
  })
})
