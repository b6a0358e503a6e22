/**
 * Long runs, each in a process of its own that says what it holds: whatever a step needs was there before it.
 */

import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { built } from '../../built.js'
import { corpusIn, remove, temporary, textOf } from './runs.js'

/** What was held after a step, garbage collected: bytes of a thread's heap and beside it, of the process, and modules. */
type Look = { readonly step: number; readonly heap: number; readonly rss: number; readonly modules: number }

type Here = {
  readonly looks: ReadonlyArray<
    Look & {
      /** A digest of the programs that the step ran, and of where all their arrays lie. */
      readonly places: string
      /** Of the device's memory: given out, and its length. */
      readonly inUse: number
      readonly bytes: number
    }
  >
  /** `file function` of the package, of whatever was called in the steps from the second to the fiftieth. */
  readonly calls: ReadonlyArray<string>
}

type OnAnother = { readonly looks: ReadonlyArray<Look>; readonly thread: ReadonlyArray<Look> }

let directory = ''
let corpus = ''
beforeAll(async () => {
  directory = await temporary()
  corpus = (await corpusIn(directory, 'text', textOf(52))).directory
  built('electra/index.js')
})
afterAll(() => remove(directory))

/** Milliseconds; a run takes some 15 seconds where nothing else does. */
const patience = 600_000

const soak = async (where: 'inThisThread' | 'onAnother', totalSteps: number, every: number): Promise<unknown> => {
  const entry = fileURLToPath(new URL('entries/soak.mjs', import.meta.url))
  const settings = { where, corpus, out: `${directory}/out`, totalSteps, every }
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', entry, JSON.stringify(settings)])
  return JSON.parse(stdout)
}

const mean = (values: ReadonlyArray<number>): number => values.reduce((sum, x) => sum + x, 0) / values.length

/** Bytes a step by which something grows from step `from` on: the slope of the least squares. */
const growth = (looks: ReadonlyArray<Look>, from: number, of: 'heap' | 'rss'): number => {
  const late = looks.filter(({ step }) => step >= from)
  const [x, y] = [mean(late.map(({ step }) => step)), mean(late.map((look) => look[of]))]
  const covariance = mean(late.map((look) => (look.step - x) * (look[of] - y)))
  return covariance / mean(late.map(({ step }) => (step - x) ** 2))
}

/**
 * Half of a leak of 1 kB a step. What engines and allocators do by themselves makes a heap deviate by some 0.1 MB and a
 * process by some 1 MB, and so by chance a slope of `sqrt(12) deviation / (sqrt(looks) steps)`: 75 bytes a step of the
 * process in 33 looks over 8,000 steps, 27 of a heap in 40 looks over 2,000.
 */
const leak = 512

/** Files that make expressions, gradients, plans and code. The schedule's rate is computed on the host too, for reports. */
const making = /^(autodiff|electra\/model|nn(?!\/schedule)|tensor\/(emit|ops|program(?!\/program\.js)|tensor\.js))/

describe('10,000 steps of nano', () => {
  let here: Here
  beforeAll(async () => {
    here = (await soak('inThisThread', 10_000, 500)) as Here
    expect(here.looks.at(-1)?.step).toBe(10_000)
  }, patience)

  it('trace, plan and compile nothing after the first', () => {
    expect(here.calls).toContain('electra/training/session.js step')
    expect(here.calls.filter((call) => making.test(call))).toEqual([])
    expect(here.looks[0].modules).toBeGreaterThan(0)
    expect(new Set(here.looks.map(({ modules }) => modules)).size).toBe(1)
  })

  it('read and write every array where the first did: the state stays where it is', () => {
    const [first] = here.looks
    here.looks.forEach(({ step, places }) => expect(places, `step ${step}`).toBe(first.places))
  })

  it('take no more of the device’s memory than the first', () => {
    const [first, ...others] = here.looks.map(({ inUse, bytes }) => ({ inUse, bytes }))
    expect(first.inUse).toBeGreaterThan(0)
    others.forEach((look) => expect(look).toEqual(first))
  })

  it.each(['heap', 'rss'] as const)('leave the %s of the process as large as it was', (of) => {
    expect(growth(here.looks, 2000, of)).toBeLessThan(leak)
  })
})

describe('3,000 steps of pretrain on a thread', () => {
  let apart: OnAnother
  beforeAll(async () => {
    apart = (await soak('onAnother', 3000, 100)) as OnAnother
    expect(apart.thread.map(({ step }) => step)).toEqual(apart.looks.map(({ step }) => step))
  }, patience)

  it('compile nothing after the first, in either thread', () => {
    expect(apart.thread[0].modules).toBeGreaterThan(0)
    for (const looks of [apart.looks, apart.thread]) expect(new Set(looks.map(({ modules }) => modules)).size).toBe(1)
  })

  it.each(['looks', 'thread'] as const)('leave the heap of either thread as large as it was: %s', (which) => {
    expect(growth(apart[which], 1000, 'heap')).toBeLessThan(leak)
  })
})
