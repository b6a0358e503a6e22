/**
 * Training with a scaled loss, on devices that compute in float32: there the scale is a power of two that comes and goes without a
 * trace, and a gradient that it makes too large changes nothing.
 */

import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ElectraConfig } from '../../../src/electra/config/config.js'
import type { Corpus } from '../../../src/electra/data/corpus/corpus.js'
import { pretrainingSession } from '../../../src/electra/pretraining/session.js'
import { sha256OfTensors } from '../../../src/electra/store/digest.js'
import type { NamedState } from '../../../src/electra/training/problem.js'
import type { Session, SessionError, StepReport } from '../../../src/electra/training/session.js'
import { dynamicLossScaling, type LossScaling } from '../../../src/nn/index.js'
import { reference } from '../../../src/tensor/run/reference/reference.js'
import { wasm } from '../../../src/tensor/run/wasm/wasm.js'
import { residentFold } from '../../../src/workers/fold/resident-fold.js'
import { inProcess, pooledFold, type FoldMaker } from '../../../src/workers/index.js'
import { rightOf } from '../data/right.js'
import { manyParts } from './fifty-steps.js'
import { corpusIn, least, remove, temporary, textOf } from './runs.js'

let directory = ''
let corpus: Corpus
beforeAll(async () => {
  directory = await temporary()
  corpus = await corpusIn(directory, 'text', textOf(52))
})
afterAll(() => remove(directory))

const totalSteps = 12

/** With dropout, in two shards. */
const config = least({ shards: 2 })

const opened = (folds: FoldMaker, lossScaling?: LossScaling, of: ElectraConfig = config): Promise<Session> =>
  rightOf(
    pretrainingSession({
      config: of,
      corpus,
      seed: 1,
      totalSteps,
      ...(lossScaling === undefined ? {} : { precision: 'mixed', lossScaling })
    })(folds)
  )

const pooled = (): FoldMaker => pooledFold(inProcess(wasm()))

type Stepped = { readonly report: StepReport; readonly state: NamedState }

/** Steps from `first` to before `last`, and the state after each. */
const steps = (session: Session, first: number, last: number): Promise<ReadonlyArray<Stepped>> =>
  rightOf<SessionError, ReadonlyArray<Stepped>>(
    pipe(
      Array.from({ length: last - first }, (_, i) => first + i),
      TE.traverseSeqArray((n) =>
        pipe(
          session.step(n),
          TE.bindTo('report'),
          TE.bind('state', () => session.read)
        )
      )
    )
  )

const isOfScale = ({ name }: { readonly name: string }): boolean => name.startsWith('lossScale.')

/** Parameters and moments. */
const bitsOf = ({ params, optimizer }: NamedState): string =>
  sha256OfTensors(params) + sha256OfTensors(optimizer.filter((x) => !isOfScale(x)))

const scaleIn = ({ optimizer }: NamedState): Readonly<Record<string, number>> =>
  Object.fromEntries(optimizer.filter(isOfScale).map(({ name, data }) => [name, Number(data[0])]))

/** Without the scale, which a step in float32 does not tell. */
const told = ({ report: { lossScale: _, ...rest } }: Stepped): object => rest

/** It grows after every second step. */
const growing: LossScaling = { initialScale: 2 ** 8, growthInterval: 2, maxScale: 2 ** 10 }

/** The first gradients are beyond float32: its largest number is below 2^128. */
const excessive: LossScaling = { initialScale: 2 ** 127, growthInterval: 100, maxScale: 2 ** 127 }

describe('a scaled loss', () => {
  it('trains with the bits of one that is not, while the scale grows', async () => {
    const plain = await steps(await opened(pooled()), 0, 6)
    const scaled = await steps(await opened(pooled(), growing), 0, 6)
    expect(scaled.map(({ report }) => report.lossScale)).toEqual([256, 256, 512, 512, 1024, 1024])
    expect(scaled.map(({ state }) => scaleIn(state))).toEqual(
      [
        [1, 256],
        [0, 512],
        [1, 512],
        [0, 1024],
        [1, 1024],
        [0, 1024]
      ].map(([finiteSteps, scale]) => ({ 'lossScale.finiteSteps': finiteSteps, 'lossScale.scale': scale }))
    )
    expect(scaled.map(told)).toEqual(plain.map(told))
    expect(scaled.map(({ state }) => bitsOf(state))).toEqual(plain.map(({ state }) => bitsOf(state)))
    expect(new Set(plain.map(({ state }) => bitsOf(state))).size).toBe(6)
  })

  it.each([
    ['of a pool', pooled],
    ['of a pool, updated in many parts', () => pooledFold(inProcess(wasm()), { limits: manyParts })],
    ['in memory of a device', () => residentFold(wasm())]
  ])(
    'skips a step whose gradient it makes too large, without a trace but of the scale: in a fold %s',
    async (_, folds) => {
      const session = await opened(folds(), excessive)
      const start = await rightOf(session.read)
      const taken = await steps(session, 0, totalSteps)
      const skipped = taken.filter(({ report }) => !Number.isFinite(report.gradientNorm)).length
      expect(skipped).toBeGreaterThan(3)
      expect(skipped).toBeLessThan(totalSteps - 2)
      expect(taken.map(({ report }) => report.lossScale)).toEqual(
        taken.map((_, n) => 2 ** (127 - Math.min(n, skipped)))
      )
      for (const { report, state } of taken.slice(0, skipped)) {
        expect(Number.isFinite(report.report.loss)).toBe(true)
        expect(bitsOf(state)).toBe(bitsOf(start))
      }
      // From then on the steps of a loss that is not scaled, with the same numbers.
      const plain = await opened(folds())
      await rightOf(plain.write({ ...start, optimizer: start.optimizer.filter((x) => !isOfScale(x)) }, skipped))
      const expected = await steps(plain, skipped, totalSteps)
      expect(taken.slice(skipped).map(told)).toEqual(expected.map(told))
      expect(taken.slice(skipped).map(({ state }) => bitsOf(state))).toEqual(expected.map(({ state }) => bitsOf(state)))
    }
  )

  it('has the bits of one that is not on the reference device too', async () => {
    const folds = (): FoldMaker => residentFold(reference({ floats: 'float32' }))
    const plain = await steps(await opened(folds()), 0, 3)
    const scaled = await steps(await opened(folds(), dynamicLossScaling), 0, 3)
    expect(scaled.map(({ report }) => report.lossScale)).toEqual([65536, 65536, 65536])
    expect(scaled.map(told)).toEqual(plain.map(told))
    expect(scaled.map(({ state }) => bitsOf(state))).toEqual(plain.map(({ state }) => bitsOf(state)))
  })

  it('keeps its scale where a second stage begins, which forgets the moments', async () => {
    const of = least({ objective: 'two-stage' })
    const scaling = { ...growing, growthInterval: 5 }
    const plain = await steps(await opened(pooled(), undefined, of), 5, 8)
    const scaled = await steps(await opened(pooled(), scaling, of), 5, 8)
    // Its second half begins with step 6.
    expect(scaled.map(({ state }) => scaleIn(state)['lossScale.finiteSteps'])).toEqual([1, 2, 3])
    expect(scaled.map(({ report }) => report.lossScale)).toEqual([256, 256, 256])
    expect(scaled.map(({ state }) => bitsOf(state))).toEqual(plain.map(({ state }) => bitsOf(state)))
  })
})
