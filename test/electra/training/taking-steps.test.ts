/**
 * Steps in flight leave no trace: whatever the window, a run is told, kept and ended as if each step had been awaited.
 */

import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import * as E from 'fp-ts/lib/Either.js'
import * as O from 'fp-ts/lib/Option.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { showRunError } from '../../../src/electra/cli/show-error.js'
import { mostSkipped } from '../../../src/electra/training/taking-steps.js'
import type { RunError, RunEvent, RunOptions, RunResult } from '../../../src/electra/training/run.js'
import { trainThen } from '../../../src/electra/training/train.js'
import type { Ranks } from '../../../src/workers/index.js'
import { onRanks } from '../../workers/ranks/meeting.js'
import { left, right } from '../data/right.js'
import { broken, lateFolds, toyProblem, type Lateness, type Seen } from './late-folds.js'

let directory = ''
let runs = 0
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'pure-electra-steps-'))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

const newOut = (): string => join(directory, String(runs++))

type Shape = { readonly totalSteps: number; readonly checkpointEvery: number; readonly starts: ReadonlyArray<number> }

type Change = {
  readonly resume?: boolean
  readonly ranks?: Ranks
  /** Whether to stop, asked before each step, by how often it was asked before and how many steps have settled. */
  readonly isToStop?: (asked: number, settled: number) => boolean
}

type Ran = {
  readonly ended: E.Either<RunError, RunResult>
  readonly events: ReadonlyArray<RunEvent>
  readonly seen: Seen
  /** When each event was told, in milliseconds. */
  readonly times: ReadonlyArray<number>
  /** The steps whose inputs were made. */
  readonly drawn: ReadonlyArray<number>
}

const run = async (out: string, shape: Shape, late: Lateness, change: Change = {}): Promise<Ran> => {
  const { totalSteps, checkpointEvery, starts } = shape
  const { resume = false, ranks, isToStop = () => false } = change
  const events: Array<RunEvent> = []
  const seen: Seen = { inFlight: 0, mostInFlight: 0, carriedOut: [] }
  const times: Array<number> = []
  const drawn: Array<number> = []
  let leftInFlight = NaN
  const problem = toyProblem(totalSteps, starts)
  const inputsAt = (n: number) => {
    drawn.push(n)
    return problem.inputsAt(n)
  }
  let asked = 0
  const options: RunOptions = {
    out,
    config: {},
    identity: { ...shape },
    totalSteps,
    checkpointEvery,
    keepCheckpoints: 100,
    resume,
    ...(ranks === undefined ? {} : { ranks }),
    shouldStop: () => isToStop(asked++, events.filter(({ _tag }) => _tag === 'Stepped').length),
    observe: (event) => {
      events.push(event)
      times.push(performance.now())
    },
    problem: () => E.right({ ...problem, inputsAt }),
    folds: () =>
      TE.right({
        ...lateFolds(late, seen),
        where: { device: 'late', multiplier: 'own', workers: 1, ranks: ranks?.ranks ?? 1, relaxedSimd: false },
        release: () => {
          leftInFlight = seen.inFlight
          return Promise.resolve()
        }
      })
  }
  const ended = await trainThen(options)<never, RunResult>(TE.right)()
  expect(leftInFlight).toBe(0)
  return { ended, events, seen, times, drawn }
}

/** Times left out. */
const timeless = (value: object): object => ({ ...value, seconds: 0 })

const linesIn = async (out: string): Promise<ReadonlyArray<object>> =>
  (await readFile(join(out, 'metrics.jsonl'), 'utf8'))
    .split('\n')
    .flatMap((line) => (line === '' ? [] : [timeless(JSON.parse(line) as object)]))

/** Every file of the checkpoints, whatever there is. */
const checkpointsIn = async (out: string): Promise<ReadonlyArray<readonly [string, string]>> => {
  const names = (await readdir(out, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && entry.parentPath !== out)
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
  return Promise.all(
    names.map(async (name) => [name.slice(out.length), (await readFile(name)).toString('base64')] as const)
  )
}

/** The steps of all that stands there, NaN for what is no checkpoint. The folder comes with the first. */
const stepsSaved = async (out: string): Promise<ReadonlyArray<number>> =>
  (await readdir(out)).includes('checkpoints')
    ? (await readdir(join(out, 'checkpoints'))).map((name) => Number(name.split('-')[1])).sort((a, b) => a - b)
    : []

/** All that a run told and kept, without times and without where it lies. */
const traceOf = async (out: string, { ended, events }: Ran) => {
  const text = JSON.stringify([
    E.Functor.map(ended, ({ tokensPerSecond, ...rest }) => ({ ...rest, isTimed: tokensPerSecond !== undefined })),
    events.map(timeless)
  ])
  return { told: text.replaceAll(out, 'OUT'), lines: await linesIn(out), kept: await checkpointsIn(out) }
}

const patient: Lateness = { window: 1, turns: [1] }

const shapes: fc.Arbitrary<Shape> = fc.record({
  totalSteps: fc.integer({ min: 1, max: 12 }),
  checkpointEvery: fc.integer({ min: 1, max: 7 }),
  starts: fc.uniqueArray(fc.integer({ min: 1, max: 11 }), { maxLength: 2 }).map((all) => all.sort((a, b) => a - b))
})

const lateness: fc.Arbitrary<Lateness> = fc.record({
  window: fc.integer({ min: 1, max: 4 }),
  turns: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 5 })
})

const numRuns = 20

/** How many steps there are, at most, without a checkpoint or another phase in between. */
const longestStretch = ({ totalSteps, checkpointEvery, starts }: Shape): number => {
  const cuts = Array.from({ length: totalSteps }, (_, n) => n).filter(
    (n) => n % checkpointEvery === 0 || starts.includes(n)
  )
  return Math.max(...cuts.map((cut, i) => (cuts[i + 1] ?? totalSteps) - cut))
}

const dueUpTo = ({ checkpointEvery }: Shape, step: number): ReadonlyArray<number> =>
  Array.from({ length: Math.floor(step / checkpointEvery) }, (_, i) => (i + 1) * checkpointEvery)

const pathOf = (out: string, step: number): string =>
  join(out, 'checkpoints', `checkpoint-${String(step).padStart(8, '0')}`)

describe('a run with steps in flight', () => {
  it('tells and keeps what one without does, with as many in flight as there may be and no more', () =>
    fc.assert(
      fc.asyncProperty(shapes, lateness, async (shape, late) => {
        const [plain, ahead] = [newOut(), newOut()]
        const expected = await run(plain, shape, patient)
        const found = await run(ahead, shape, late)
        expect(await traceOf(ahead, found)).toEqual(await traceOf(plain, expected))
        expect(right(found.ended).isComplete).toBe(true)
        expect(found.seen.carriedOut).toEqual(Array.from({ length: shape.totalSteps }, (_, n) => n))
        expect(found.seen.mostInFlight).toBe(Math.min(late.window, longestStretch(shape)))
        expect(new Set(found.drawn).size).toBe(found.drawn.length)
      }),
      { numRuns }
    ))

  it('stops after the same step, and is the run that was never stopped once it is resumed', () =>
    fc.assert(
      fc.asyncProperty(shapes, lateness, lateness, fc.nat({ max: 11 }), async (shape, late, later, stop) => {
        fc.pre(stop < shape.totalSteps)
        const [plain, ahead, whole] = [newOut(), newOut(), newOut()]
        const stopping: Change = { isToStop: (asked) => asked >= stop }
        const expected = await run(plain, shape, patient, stopping)
        const found = await run(ahead, shape, late, stopping)
        expect(right(found.ended).step).toBe(stop)
        expect(await traceOf(ahead, found)).toEqual(await traceOf(plain, expected))
        const resumed = right((await run(ahead, shape, later, { resume: true })).ended)
        const straight = right((await run(whole, shape, patient)).ended)
        expect(resumed.weightsSha256).toBe(straight.weightsSha256)
        expect(resumed.optimizerSha256).toBe(straight.optimizerSha256)
        expect(await linesIn(ahead)).toEqual(await linesIn(whole))
        expect((await checkpointsIn(ahead)).at(-1)).toEqual((await checkpointsIn(whole)).at(-1))
      }),
      { numRuns }
    ))

  it('that is asked to stop at any time finishes what is in flight, and no more', () =>
    fc.assert(
      fc.asyncProperty(shapes, lateness, fc.nat({ max: 11 }), async (shape, late, seconds) => {
        const [plain, ahead] = [newOut(), newOut()]
        const found = await run(ahead, shape, late, { isToStop: (_, settled) => settled >= seconds })
        const { step } = right(found.ended)
        expect(step).toBeGreaterThanOrEqual(Math.min(seconds, shape.totalSteps))
        expect(step).toBeLessThanOrEqual(Math.min(seconds === 0 ? 0 : seconds + late.window - 1, shape.totalSteps))
        const expected = await run(plain, shape, patient, { isToStop: (asked) => asked >= step })
        expect(await traceOf(ahead, found)).toEqual(await traceOf(plain, expected))
      }),
      { numRuns }
    ))

  it('whose step fails saves the state before it, whatever was in flight behind, and goes on from there', () =>
    fc.assert(
      fc.asyncProperty(shapes, lateness, fc.nat({ max: 11 }), async (shape, late, step) => {
        fc.pre(step < shape.totalSteps)
        const [plain, ahead, whole] = [newOut(), newOut(), newOut()]
        const failing = { step, isLost: false }
        const expected = await run(plain, shape, { ...patient, failing })
        const found = await run(ahead, shape, { ...late, failing })
        expect(await traceOf(ahead, found)).toEqual(await traceOf(plain, expected))
        expect(left(found.ended)).toEqual({
          _tag: 'StepFailed',
          step,
          cause: broken,
          saved: O.some(E.right(pathOf(ahead, step))),
          last: dueUpTo(shape, step).length === 0 ? undefined : pathOf(ahead, dueUpTo(shape, step).at(-1) ?? 0)
        })
        const resumed = right((await run(ahead, shape, late, { resume: true })).ended)
        const straight = right((await run(whole, shape, patient)).ended)
        expect(resumed.weightsSha256).toBe(straight.weightsSha256)
        expect(await linesIn(ahead)).toEqual(await linesIn(whole))
      }),
      { numRuns }
    ))

  it('whose device is lost names the last checkpoint, writes nothing, and goes on from it on another', () =>
    fc.assert(
      fc.asyncProperty(shapes, lateness, fc.nat({ max: 11 }), async (shape, late, step) => {
        fc.pre(step < shape.totalSteps)
        const [out, whole] = [newOut(), newOut()]
        const found = await run(out, shape, { ...late, failing: { step, isLost: true } })
        const due = dueUpTo(shape, step)
        const last = due.length === 0 ? undefined : pathOf(out, due.at(-1) ?? 0)
        // A checkpoint of this very state is there already.
        const isSaved = due.at(-1) === step
        const unread = { _tag: 'StateUnread', step, cause: broken, last } as const
        expect(left(found.ended)).toEqual({
          _tag: 'StepFailed',
          step,
          cause: broken,
          saved: O.some(isSaved ? E.right(last) : E.left(unread)),
          last
        })
        expect(showRunError(left(found.ended))).toContain(
          last === undefined ? 'There is no checkpoint before it: start without --resume' : `${last}: continue with`
        )
        expect(await stepsSaved(out)).toEqual(due)
        expect((await linesIn(out)).filter((line) => 'kind' in line && line.kind === 'step')).toHaveLength(step)
        const resumed = right((await run(out, shape, late, { resume: due.length > 0 })).ended)
        expect(resumed.weightsSha256).toBe(right((await run(whole, shape, patient)).ended).weightsSha256)
        expect(await linesIn(out)).toEqual(await linesIn(whole))
      }),
      { numRuns }
    ))

  it('that diverges says at which step, and tells and keeps nothing after it', () =>
    fc.assert(
      fc.asyncProperty(shapes, lateness, fc.nat({ max: 11 }), async (shape, late, divergingAt) => {
        fc.pre(divergingAt < shape.totalSteps)
        const [plain, ahead] = [newOut(), newOut()]
        const expected = await run(plain, shape, { ...patient, divergingAt })
        const found = await run(ahead, shape, { ...late, divergingAt })
        expect(left(found.ended)).toEqual({
          _tag: 'Diverged',
          step: divergingAt + 1,
          what: 'gradient norm',
          found: NaN
        })
        expect(await traceOf(ahead, found)).toEqual(await traceOf(plain, expected))
        expect(await stepsSaved(ahead)).toEqual(dueUpTo(shape, divergingAt))
      }),
      { numRuns }
    ))

  it('whose losses are scaled counts the steps that were skipped, whatever was in flight and wherever it was stopped', () =>
    fc.assert(
      fc.asyncProperty(
        shapes,
        lateness,
        fc.uniqueArray(fc.nat({ max: 11 })),
        fc.boolean(),
        fc.nat({ max: 11 }),
        async (shape, late, overflowing, isLossInfinite, stop) => {
          fc.pre(stop < shape.totalSteps)
          const isOverflowing = (n: number): boolean => overflowing.includes(n)
          const scaled = { scaleAt: (n: number) => 2 ** (20 - n), overflowing: isOverflowing, isLossInfinite }
          const [plain, ahead] = [newOut(), newOut()]
          const expected = await run(plain, shape, { ...patient, scaled })
          await run(ahead, shape, { ...late, scaled }, { isToStop: (asked) => asked >= stop })
          const found = await run(ahead, shape, { ...late, scaled }, { resume: true })
          const last = shape.totalSteps - 1
          const skipped = overflowing.filter((n) => n <= last)
          const inARow = Array.from({ length: shape.totalSteps }, (_, i) => last - i).findIndex(
            (n) => !overflowing.includes(n)
          )
          expect(right(found.ended).scaled).toEqual({
            lossScale: 2 ** (20 - last),
            skipped: skipped.length,
            skippedInRow: inARow < 0 ? shape.totalSteps : inARow
          })
          // What a skipped step lost is in no mean that it would spoil.
          const means = Object.values({ ...right(found.ended).first, ...right(found.ended).last })
          expect(means.filter((x) => !Number.isFinite(x))).toEqual([])
          const lines = (await linesIn(ahead)).filter((line) => 'kind' in line && line.kind === 'step')
          expect(lines).toMatchObject(
            Array.from({ length: shape.totalSteps }, (_, n) => ({
              lossScale: 2 ** (20 - n),
              ...(overflowing.includes(n) ? { gradientNorm: null } : {})
            }))
          )
          expect(await linesIn(ahead)).toEqual(await linesIn(plain))
          expect((await checkpointsIn(ahead)).at(-1)).toEqual((await checkpointsIn(plain)).at(-1))
          expect(right(expected.ended).weightsSha256).toBe(right(found.ended).weightsSha256)
        }
      ),
      { numRuns }
    ))

  it.each([
    [2, 'gradient norm', Infinity, mostSkipped],
    [3, 'gradient norm', Infinity, mostSkipped],
    [mostSkipped + 1, 'gradient norm', Infinity, mostSkipped + 2]
  ] as const)(
    'that skips steps from %i halvings above a scale of 1 on diverges after so many in a row',
    async (halvings, what, found, skipped) => {
      const totalSteps = 100
      const scaled = { scaleAt: (n: number) => 2 ** Math.max(0, halvings + 5 - n), overflowing: (n: number) => n >= 5 }
      const out = newOut()
      const late = { window: 2, turns: [1], scaled }
      const error = left((await run(out, { totalSteps, checkpointEvery: 100, starts: [] }, late)).ended)
      expect(error).toEqual({ _tag: 'Diverged', step: 5 + skipped, what, found, skipped })
      expect(showRunError(error)).toBe(
        `step ${5 + skipped}: the gradient norm is Infinity, though the loss scale is 1, after ${skipped} steps in a row that were ` +
          'skipped. Checkpoints from before it stand; try a smaller learning rate'
      )
    }
  )

  it('gives each step a time of its own: together no more than there was', () =>
    fc.assert(
      fc.asyncProperty(lateness, async (late) => {
        const { events, times } = await run(newOut(), { totalSteps: 12, checkpointEvery: 12, starts: [] }, late)
        const taken = events.flatMap((event) => (event._tag === 'Stepped' ? [event.seconds] : []))
        expect(Math.min(...taken)).toBeGreaterThanOrEqual(0)
        const all = 1000 * taken.reduce((a, b) => a + b, 0)
        // From where the run started to its last step. A dozen roundings of numbers below 1e7.
        expect(all).toBeLessThanOrEqual(times[12] - times[0] + 12 * 1e7 * 2 ** -52)
      }),
      { numRuns }
    ))

  it('of several ranks awaits every step, as they decide on it together', async () => {
    const shape = { totalSteps: 6, checkpointEvery: 3, starts: [] }
    const out = newOut()
    const all = await onRanks(2, (ranks) => run(out, shape, { window: 3, turns: [2, 1] }, { ranks }))
    expect(all.map(({ seen }) => seen.mostInFlight)).toEqual([1, 1])
    const [first, second] = all.map(({ ended }) => right(ended).weightsSha256)
    expect(second).toBe(first)
  })
})

describe('a run whose state cannot be read', () => {
  const shape: Shape = { totalSteps: 6, checkpointEvery: 2, starts: [] }

  it.each([
    [0, undefined, 'There is no checkpoint before it: start without --resume'],
    [1, 2, 'The last checkpoint stands, OUT/checkpoints/checkpoint-00000002: continue with --resume'],
    [2, 4, 'The last checkpoint stands, OUT/checkpoints/checkpoint-00000004: continue with --resume']
  ])('at checkpoint %i ends there, and nothing of it is written', async (unreadable, last, advice) => {
    const out = newOut()
    const { ended, events } = await run(out, shape, { window: 2, turns: [1, 3], unreadable })
    const step = 2 * (unreadable + 1)
    const error = left(ended)
    const path = last === undefined ? undefined : pathOf(out, last)
    expect(error).toEqual({ _tag: 'StateUnread', step, cause: broken, last: path })
    expect(showRunError(error).replaceAll(out, 'OUT')).toBe(
      `the state of step ${step} could not be read: late: as planned. ${advice}`
    )
    expect(await stepsSaved(out)).toEqual(dueUpTo(shape, step - 1))
    expect(events.at(-1)).toMatchObject({ _tag: 'Evaluated', step })
  })

  it('between two phases ends there too, with the checkpoint before', async () => {
    const out = newOut()
    const late = { window: 3, turns: [2], unreadable: 1 }
    const { ended } = await run(out, { ...shape, starts: [3] }, late)
    expect(left(ended)).toMatchObject({ _tag: 'StepFailed', step: 3, cause: broken, last: pathOf(out, 2) })
  })
})
