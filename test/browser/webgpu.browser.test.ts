/**
 * The webgpu device in a page and in a worker of one: the built package, bundled without any configuration.
 */

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipe } from 'fp-ts/lib/function.js'
import * as RA from 'fp-ts/lib/ReadonlyArray.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { corpusFiles, type Corpus } from '../../src/electra/data/corpus/corpus.js'
import { pretrainingSession } from '../../src/electra/pretraining/session.js'
import type { StepReport } from '../../src/electra/training/session.js'
import { wasm } from '../../src/tensor/run/wasm/wasm.js'
import { inProcess, pooledFold } from '../../src/workers/index.js'
import { built } from '../built.js'
import { rightOf } from '../electra/data/right.js'
import { corpusIn, nano, remove, temporary, textOf } from '../electra/training/runs.js'
import { bundledByEsbuild, hasChromium, openSite, type Opened, type Served } from './page.js'

// A software adapter compiles for longer than it computes.
vi.setConfig({ testTimeout: 600_000, hookTimeout: 600_000 })

const isRequired = process.env.PURE_ELECTRA_REQUIRE_GPU === '1'

const title = hasChromium || isRequired ? 'WebGPU in a browser' : 'WebGPU in a browser (skipped: no Chromium)'

const steps = 10
const seed = 1

/** Golden files, and how many tensors of each are compared. */
const golden = { a: 170, b: 170, c: 114 }

const pathOf = (name: string): string => `/fixtures/electra_${name}`

/** One layer and one shard: fewer shaders to compile. */
const overrides = { extends: 'nano', model: { layers: 1 }, shards: 1 }

const agreeing = (compared: number): unknown => ({ _tag: 'Right', right: { passes: true, compared } })

type Asked = { readonly fixtures: ReadonlyArray<string>; readonly options: object }

type Found = {
  readonly verified: unknown
  readonly trained: {
    readonly right: { readonly reports: ReadonlyArray<Readonly<Record<string, number>>>; readonly weights: unknown }
  }
  /** How often a timer of the page had ticked: in the end, and when the session was opened and each step was taken. */
  readonly ticks: number
  readonly ticksAt: ReadonlyArray<number>
}

type PageApi = Readonly<Record<'onPage' | 'inWorker', (asked: Asked) => Promise<Found>>>

const data = async (path: string): Promise<Served> => ({
  type: 'application/octet-stream',
  body: await readFile(path)
})

describe.skipIf(!hasChromium && !isRequired)(title, () => {
  let directory = ''
  let corpus: Corpus
  let opened: Opened | undefined

  beforeAll(async () => {
    built('electra/browser.js')
    directory = await temporary()
    corpus = await corpusIn(directory, 'text', textOf(52))
    const [page, worker] = ['page', 'worker'].map((name) => new URL(`./webgpu.${name}.mjs`, import.meta.url))
    const served = await Promise.all(
      Object.values(corpusFiles).map(
        async (name) => [`/corpus/${name}`, await data(join(corpus.directory, name))] as const
      )
    )
    const fixtures = await Promise.all(
      Object.keys(golden).map(
        async (name) => [pathOf(name), await data(join('test', 'fixtures', `electra_${name}.safetensors`))] as const
      )
    )
    // Nothing is shared between threads here: a page needs no headers for it.
    opened = await openSite(new Map([...(await bundledByEsbuild({ page, worker })), ...served, ...fixtures]), {
      isIsolated: false
    })
  })
  afterAll(async () => {
    await opened?.close()
    await remove(directory)
  })

  const ask = async (where: keyof PageApi, names: ReadonlyArray<string>): Promise<Found> => {
    if (opened === undefined) throw new Error('the page did not open')
    const asked: Asked = { fixtures: names.map(pathOf), options: { overrides, seed, steps } }
    return opened.page.evaluate(([place, given]) => (globalThis as unknown as PageApi)[place](given), [
      where,
      asked
    ] as const)
  }

  const onWasm = (): Promise<ReadonlyArray<StepReport>> =>
    rightOf(
      pipe(
        pretrainingSession({ config: nano(overrides), corpus, seed, totalSteps: steps })(pooledFold(inProcess(wasm()))),
        TE.chain((session) => pipe(RA.makeBy(steps, session.step), TE.sequenceArray))
      )
    )

  it('verifies golden files and trains, on the page while a timer ticks, and in a worker to the same bits', async () => {
    const [onPage, inWorker, expected] = [
      await ask('onPage', ['a', 'b', 'c']),
      await ask('inWorker', ['c']),
      await onWasm()
    ]
    expect(onPage.verified).toEqual(Object.values(golden).map(agreeing))
    expect(inWorker.verified).toEqual([agreeing(golden.c)])
    for (const { trained } of [onPage, inWorker]) {
      expect(trained).toMatchObject({ _tag: 'Right' })
      // As `gpu-runs.test.ts` has it.
      trained.right.reports.forEach(({ loss }, n) =>
        expect(Math.abs(loss / expected[n].report.loss - 1)).toBeLessThan(5e-6)
      )
      expect(trained.right.reports).toHaveLength(steps)
    }
    expect(inWorker.trained).toEqual(onPage.trained)
    // Between any two steps the page had its turn.
    expect(onPage.ticksAt).toHaveLength(1 + steps)
    onPage.ticksAt.slice(1).forEach((ticks, n) => expect(ticks).toBeGreaterThan(onPage.ticksAt[n]))
    expect(inWorker.ticks).toBeGreaterThan(steps)
  })
})
