/**
 * One run made by several ranks: they come to the same, decide alike, and only the first keeps anything.
 */

import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setEnvironmentData } from 'node:worker_threads'
import * as E from 'fp-ts/lib/Either.js'
import * as O from 'fp-ts/lib/Option.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Corpus } from '../../../src/electra/data/corpus/corpus.js'
import { pretrain } from '../../../src/electra/pretraining/pretrain.js'
import type { PretrainOptions } from '../../../src/electra/pretraining/pretrain.js'
import type { RunError, RunEvent, RunResult } from '../../../src/electra/training/run.js'
import { built } from '../../built.js'
import { chaosEntry } from '../../workers/chaos.js'
import { onRanks } from '../../workers/ranks/meeting.js'
import { right, rightOf } from '../data/right.js'
import { corpusIn, least, optionsOf, remove, stoppingAfter, temporary, textOf, threads } from './runs.js'

let directory = ''
let corpus: Corpus
let alone: RunResult

const at = (...names: ReadonlyArray<string>): string => join(directory, ...names)

const options = (out: string, change: Partial<PretrainOptions> = {}): PretrainOptions =>
  optionsOf(corpus, at(out), { config: least({ batchSize: 8, shards: 4 }), totalSteps: 8, ...change })

beforeAll(async () => {
  directory = await temporary()
  corpus = await corpusIn(directory, 'text', textOf(52))
  alone = await rightOf(pretrain(options('alone')))
})
afterAll(() => remove(directory))

type Ended = E.Either<RunError, RunResult>

/** The run on so many ranks, where each names another directory. A rank that fails by itself ends all. */
const onAll = (
  count: number,
  out: string,
  change: (rank: number) => Partial<PretrainOptions> = () => ({})
): Promise<ReadonlyArray<Ended>> =>
  onRanks(count, async (ranks) => {
    const ended = await pretrain(
      options(ranks.rank === 0 ? out : `${out}-${ranks.rank}`, { ranks, ...change(ranks.rank) })
    )()
    if (E.isLeft(ended) && ended.left._tag !== 'FailedElsewhere') ranks.abort(1)()
    return ended
  })

const factsOf = ({ tokensPerSecond: _, checkpoint: __, params: ___, ...facts }: RunResult) => facts

const elsewhere = (rank: number) => E.left({ _tag: 'FailedElsewhere', rank })

/** Nothing of a rank but the first. */
const expectOneDirectory = async (out: string): Promise<void> =>
  expect((await readdir(directory)).filter((name) => name.startsWith(`${out}-`))).toEqual([])

describe('a run on ranks', () => {
  it.each([2, 4])('comes on all %i ranks to the same, and again to the same, and is kept once', async (count) => {
    const out = `on-${count}`
    const [first, ...others] = (await onAll(count, out)).map((ended) => factsOf(right(ended)))
    expect(others).toEqual(others.map(() => first))
    expect(first).toMatchObject({ isComplete: true, ranks: count, workers: 1 })
    expect((await onAll(count, `${out}.again`)).map((ended) => factsOf(right(ended)))[0]).toEqual(first)
    await expectOneDirectory(out)
    expect(await readdir(at(out, 'checkpoints'))).toContain('checkpoint-00000008')
  })

  it('is that of one rank, but for the order of its sums', async () => {
    const watching = (into: Array<number>) => ({
      observe: (event: RunEvent) => {
        if (event._tag === 'Stepped') into.push(event.report.loss, event.gradientNorm, event.tokens)
        if (event._tag === 'Evaluated') into.push(event.report.loss)
      }
    })
    const [one, two]: [Array<number>, Array<number>] = [[], []]
    const short = { totalSteps: 4, checkpointEvery: 4 }
    await rightOf(pretrain(options('one', { ...short, ...watching(one) })))
    await onAll(2, 'two', (rank) => ({ ...short, ...(rank === 0 ? watching(two) : {}) }))
    expect(two).toHaveLength(13)
    // Four steps at 5e-4 from gradients that differ by roundings.
    two.forEach((x, i) => expect(Math.abs(x / one[i] - 1)).toBeLessThan(1e-4))
  })

  it('goes on from the checkpoint of any number of ranks, bit for bit where it is the same number', async () => {
    const whole = right((await onAll(2, 'whole'))[0])
    const stopping = (steps: number) => () => stoppingAfter(steps)
    expect(right((await onAll(2, 'stopped', stopping(5)))[0])).toMatchObject({ isComplete: false, step: 5 })
    const resumed = await onAll(2, 'stopped', () => ({ resume: true }))
    expect(resumed.map((ended) => factsOf(right(ended)))).toEqual([factsOf(whole), factsOf(whole)])

    await rightOf(pretrain(options('widened', stoppingAfter(6))))
    const [widened] = await onAll(2, 'widened', () => ({ resume: true }))
    await onAll(2, 'narrowed', stopping(6))
    const narrowed = await rightOf(pretrain(options('narrowed', { resume: true })))
    for (const { heldOut, step } of [right(widened), narrowed]) {
      expect(step).toBe(8)
      expect(Math.abs((heldOut?.loss ?? NaN) / (alone.heldOut?.loss ?? NaN) - 1)).toBeLessThan(1e-3)
    }
  })

  it('in mixed precision goes on from the checkpoint of one rank, and skips and scales as that one does', async () => {
    const lossScaling = { initialScale: 2 ** 127, growthInterval: 3, maxScale: 2 ** 127 }
    const mixed: Partial<PretrainOptions> = { precision: 'mixed', lossScaling, totalSteps: 12 }
    const whole = await rightOf(pretrain(options('mixed-whole', mixed)))
    await rightOf(pretrain(options('mixed-widened', { ...mixed, ...stoppingAfter(3) })))
    const ended = await onAll(2, 'mixed-widened', () => ({ ...mixed, resume: true }))
    const [first, second] = ended.map((e) => factsOf(right(e)))
    expect(second).toEqual(first)
    expect(first).toMatchObject({ isComplete: true, step: 12, ranks: 2, scaled: whole.scaled })
    // Before it was stopped and after.
    expect(whole.scaled?.skipped).toBeGreaterThan(3)
    expect(whole.scaled?.skippedInRow).toBe(0)
    expect(Math.abs((first.heldOut?.loss ?? NaN) / (whole.heldOut?.loss ?? NaN) - 1)).toBeLessThan(1e-3)
  })

  it('stops after the same step everywhere, whichever rank is asked to', async () => {
    const ended = await onAll(2, 'asked', (rank) => (rank === 1 ? stoppingAfter(7) : {}))
    expect(ended.map((e) => right(e))).toMatchObject([1, 2].map(() => ({ isComplete: false, step: 7 })))
    expect(await readdir(at('asked', 'checkpoints'))).toContain('checkpoint-00000007')
  })
})

describe('a run that cannot begin on all ranks', () => {
  it('has shards that cannot be divided', async () => {
    const error = E.left({ _tag: 'WrongRankCount', found: 3, shards: 4 })
    expect(await onAll(3, 'odd')).toEqual([error, elsewhere(0), elsewhere(0)])
    expect(await readdir(directory)).not.toContain('odd')
  })

  it.each<readonly [string, Partial<PretrainOptions>]>([
    ['seed', { seed: 2 }],
    ['configuration', { config: least({ batchSize: 8, shards: 2 }) }],
    ['number of steps between checkpoints', { checkpointEvery: 5 }]
  ])('was given another %s on one of them', async (_, change) => {
    const ended = await onAll(2, 'mixed', (rank) => (rank === 1 ? change : {}))
    expect(ended).toMatchObject([elsewhere(1), E.left({ _tag: 'RanksDiffer' })])
  })

  it('is there already, or is not there to be resumed: the first rank says so', async () => {
    expect(await onAll(2, 'alone')).toMatchObject([E.left({ _tag: 'RunExists' }), elsewhere(0)])
    expect(await onAll(2, 'none', () => ({ resume: true }))).toMatchObject([
      E.left({ _tag: 'NothingToResume' }),
      elsewhere(0)
    ])
  })

  it('lacks workers on one of them', async () => {
    const pool = { workers: 2, choice: { device: 'wasm', matmul: 'gpu.js:cpu', floats: 'float32' } } as const
    const ended = await onAll(4, 'lacking', (rank) => (rank === 0 ? {} : { pool }))
    expect(ended).toMatchObject([elsewhere(1), E.left({ _tag: 'WrongWorkerCount' }), elsewhere(1), elsewhere(1)])
  })
})

describe('a run that cannot go on', () => {
  it('because it diverges says so on the first rank', async () => {
    const config = least({ batchSize: 8, shards: 4, optimizer: { learningRate: 1e30 } })
    const ended = await onAll(2, 'diverged', () => ({ config, checkpointEvery: 1 }))
    expect(ended).toMatchObject([E.left({ _tag: 'Diverged', found: NaN }), elsewhere(0)])
  })

  it('because a rank has lost its workers says so there, ends, and goes on from what rank 0 has saved', async () => {
    // Two shards a step on each rank: the second of step 5, counted from 0.
    const runs = () => new Int32Array(new SharedArrayBuffer(4 * 64))
    const plan = [{ program: 0, run: 11, way: 'exit' }]
    setEnvironmentData('chaos', { thread: built('workers/pool/thread.js').href, plan, runs: runs(), deaths: runs() })
    const pool = { ...threads(1), entry: chaosEntry, patience: { attempts: 1 } }
    const ended = await onAll(2, 'lost', (rank) => (rank === 1 ? { pool } : {}))
    expect(ended).toMatchObject([
      E.left({ _tag: 'StepFailed', step: 5, saved: O.some(E.right(at('lost', 'checkpoints', 'checkpoint-00000005'))) }),
      E.left({ _tag: 'StepFailed', step: 5, cause: { _tag: 'TaskFailed' }, saved: O.none })
    ])
    const whole = right((await onAll(2, 'unlost'))[0])
    const resumed = right((await onAll(2, 'lost', () => ({ resume: true })))[0])
    expect(resumed.weightsSha256).toBe(whole.weightsSha256)
  })
})
