/** Two hundred steps in mixed precision beside the same in float32, on one adapter: the same seed, the same batches, dropout on. */

import { identity, pipe } from 'fp-ts/lib/function.js'
import * as RA from 'fp-ts/lib/ReadonlyArray.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { afterAll, beforeAll, describe, expect, vi } from 'vitest'
import type { Corpus } from '../../../src/electra/data/corpus/corpus.js'
import { pretrainingSession } from '../../../src/electra/pretraining/session.js'
import type { Session, SessionError, StepReport } from '../../../src/electra/training/session.js'
import type { Precision } from '../../../src/tensor/run/device-choice.js'
import { webgpu } from '../../../src/tensor/run/webgpu/webgpu.js'
import { residentFold } from '../../../src/workers/fold/resident-fold.js'
import { itWithHalves } from '../../tensor/run/multipliers/webgpu.js'
import { rightOf } from '../data/right.js'
import { corpusIn, nano, remove, temporary, textOf } from './runs.js'

// A software adapter compiles for longer than it computes.
vi.setConfig({ testTimeout: 900_000, hookTimeout: 600_000 })

let directory = ''
let corpus: Corpus
beforeAll(async () => {
  directory = await temporary()
  corpus = await corpusIn(directory, 'text', textOf(52))
})
afterAll(() => remove(directory))

const totalSteps = 200

const config = nano({ shards: 1 })

/** Where a step is to be skipped the state stays what it was before it, as it does in mixed precision where a scaled gradient is too large. */
const trained = async (
  precision: Precision,
  isToSkip: (step: number) => boolean = () => false
): Promise<ReadonlyArray<StepReport>> => {
  const device = await rightOf(webgpu({ precision }))
  const settings = { config, corpus, seed: 1, totalSteps, precision }
  const take =
    (session: Session) =>
    (n: number): TE.TaskEither<SessionError, StepReport> =>
      isToSkip(n)
        ? pipe(
            session.read,
            TE.chain((before) =>
              pipe(
                session.step(n),
                TE.chainFirst(() => session.write(before, n + 1))
              )
            )
          )
        : session.step(n)
  const steps = pipe(
    pretrainingSession(settings)(residentFold(device)),
    TE.chain((session) => pipe(RA.makeBy(totalSteps, identity), TE.traverseSeqArray(take(session))))
  )
  return rightOf<SessionError, ReadonlyArray<StepReport>>(steps).finally(device.release)
}

const distancesOf = (to: ReadonlyArray<StepReport>, from: ReadonlyArray<StepReport>): ReadonlyArray<number> =>
  to.map(({ report: { loss } }, n) => Math.abs(from[n].report.loss / loss - 1))

describe('two hundred steps of nano in mixed precision', () => {
  /*
   * Measured on lavapipe. One step is skipped, number 95: there the gradient's norm is 76, and nowhere else above 50. Beside float32 that
   * skips it too, losses differ by 0.0007 in the mean, 0.0003 at the end, and but for one step by 0.0013 at most. At step 142 that is
   * 0.11: another piece is drawn for one masked slot, and the discriminator sees through 2 of 8 where it saw through 3; the generator's
   * loss differs by 0.0001. Beside float32 that skips nothing that happens at 126 and 149, and so it does where both are in float32 and
   * one skips step 95: 0.116 at 126, 0.119 at 142, 0.089 at 149, 0.0021 in the mean.
   */
  itWithHalves('lose what those in float32 lose that skip what these skip', async () => {
    const mixed = await trained('mixed')
    const skipped = RA.makeBy(totalSteps, identity).filter((n) => !Number.isFinite(mixed[n].gradientNorm))
    expect(skipped.length).toBeLessThanOrEqual(2)
    const distances = distancesOf(await trained('float32', (n) => skipped.includes(n)), mixed)
    const isFar = (d: number): boolean => d > 0.01
    expect(distances.filter(isFar).length).toBeLessThanOrEqual(3)
    expect(Math.max(...distances)).toBeLessThan(0.25)
    expect(distances.reduce((a, b) => a + b) / totalSteps).toBeLessThan(0.005)
    expect(distances[totalSteps - 1]).toBeLessThan(0.01)
    expect(distances.some((d) => d > 0)).toBe(true)
    // They learn: else any two agree.
    expect(mixed[totalSteps - 1].report.loss).toBeLessThan(0.6 * mixed[0].report.loss)
  })
})
