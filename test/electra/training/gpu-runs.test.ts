/**
 * Training on a GPU, in this process: the losses of the CPU, and runs whose device is lost.
 */

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipe } from 'fp-ts/lib/function.js'
import * as O from 'fp-ts/lib/Option.js'
import * as RA from 'fp-ts/lib/ReadonlyArray.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { afterAll, beforeAll, describe, expect, onTestFinished, vi } from 'vitest'
import { showRunError } from '../../../src/electra/cli/show-error.js'
import { showReport } from '../../../src/electra/cli/report.js'
import { closingReport } from '../../../src/electra/report/closing-report.js'
import type { ElectraConfig } from '../../../src/electra/config/config.js'
import { resolveConfig } from '../../../src/electra/config/resolve.js'
import type { Corpus } from '../../../src/electra/data/corpus/corpus.js'
import { identityOf, pretrain, type PretrainOptions } from '../../../src/electra/pretraining/pretrain.js'
import { pretrainingProblem } from '../../../src/electra/pretraining/problem.js'
import { pretrainingSession } from '../../../src/electra/pretraining/session.js'
import type { RunEvent, RunResult } from '../../../src/electra/training/run.js'
import type { Session, SessionError } from '../../../src/electra/training/session.js'
import { trainThen } from '../../../src/electra/training/train.js'
import { openGpu, type Gpu } from '../../../src/tensor/run/webgpu/gpu.js'
import { webgpuOn } from '../../../src/tensor/run/webgpu/webgpu.js'
import type { Device } from '../../../src/tensor/run/device.js'
import { wasm } from '../../../src/tensor/run/wasm/wasm.js'
import { residentFold } from '../../../src/workers/fold/resident-fold.js'
import { inProcess, pooledFold, type FoldMaker, type HeldFolds } from '../../../src/workers/index.js'
import { itOnWebGpu } from '../../tensor/run/multipliers/webgpu.js'
import { hanging, withMemory } from '../../tensor/run/webgpu/troubled-gpu.js'
import { left, right, rightOf } from '../data/right.js'
import { corpusIn, least, nano, optionsOf, remove, temporary, textOf } from './runs.js'

// A software adapter compiles for longer than it computes.
vi.setConfig({ testTimeout: 600_000, hookTimeout: 600_000 })

let directory = ''
let corpus: Corpus
beforeAll(async () => {
  directory = await temporary()
  corpus = await corpusIn(directory, 'text', textOf(52))
})
afterAll(async () => {
  await Promise.all(opened.map(({ device }) => device.release()))
  await remove(directory)
})

type Opened = { readonly gpu: Gpu; readonly device: Device<'async'> }

const opened: Array<Opened> = []

const openDevice = async (
  products: 'own' | 'gpu.js' = 'own',
  trouble: (gpu: Gpu) => Gpu = (gpu) => gpu
): Promise<Opened> => {
  const gpu = trouble(await rightOf(openGpu()))
  const made = { gpu, device: await rightOf(webgpuOn(gpu, { products })) }
  opened.push(made)
  return made
}

/** One for all tests that leave it whole: what they compile alike is compiled once. */
let shared: Promise<Opened> | undefined
const sharedDevice = (): Promise<Opened> => (shared ??= openDevice())

/** As `tiny` has them, but narrower, on shorter rows, and with dropout; its first steps long enough to move its weights. */
const cutTiny: ElectraConfig = right(
  resolveConfig({
    extends: 'tiny',
    model: { embeddingSize: 16, hiddenSize: 32, heads: 2, hiddenDropout: 0.1, attentionDropout: 0.1 },
    sequenceLength: 16,
    batchSize: 4,
    optimizer: { warmupSteps: 4 }
  })
)

const steps = 20

const names = ['loss', 'maskedLmLoss', 'discriminatorLoss', 'gradientNorm'] as const

type Losses = ReadonlyArray<Readonly<Record<string, number>>>

/** What twenty steps say, as many of them in flight as the fold has a window for, and then the held-out losses. */
const lossesOf = (config: ElectraConfig, folds: FoldMaker): Promise<Losses> =>
  rightOf<SessionError, Losses>(
    pipe(
      pretrainingSession({ config, corpus, seed: 1, totalSteps: steps })(folds),
      TE.bindTo('session'),
      TE.bind('reports', ({ session }: { readonly session: Session }) =>
        pipe(
          RA.makeBy(steps, (n) => session.step(n)),
          TE.sequenceArray
        )
      ),
      TE.bind('heldOut', ({ session }) => session.evaluate),
      TE.map(({ reports, heldOut }) => [
        ...reports.map(({ report, gradientNorm }) => ({ ...report, gradientNorm })),
        { ...heldOut, gradientNorm: 0 }
      ])
    )
  )

describe('twenty steps', () => {
  /**
   * Relative, of sums of some thousand float32 terms in other orders: roundings of 6e-8 that the steps after them carry on. The most that was
   * measured on SwiftShader is 7e-7, of a gradient's norm; a token that is drawn otherwise moves a loss by 1e-3 at least.
   */
  const tolerance = 5e-6

  for (const [name, config, products] of [
    ['nano', nano(), 'own'],
    ['nano multiplied by gpu.js', nano(), 'gpu.js'],
    ['a cut-down tiny', cutTiny, 'own']
  ] as const)
    itOnWebGpu(`of ${name}, with dropout, have the losses that they have on wasm`, async () => {
      expect(config.model.hiddenDropout).toBeGreaterThan(0)
      expect(config.model.attentionDropout).toBeGreaterThan(0)
      const { device } = await (products === 'own' ? sharedDevice() : openDevice(products))
      expect(device.multiplier).toBe(products)
      const found = await lossesOf(config, residentFold(device))
      const expected = await lossesOf(config, pooledFold(inProcess(wasm())))
      expect(found).toHaveLength(expected.length)
      const far = expected.flatMap((losses, n) =>
        names.flatMap((what) => {
          const [a, b] = [found[n][what], losses[what]]
          return Math.abs(a - b) <= tolerance * Math.abs(b) ? [] : [`${what} of step ${n}: ${a}, on wasm ${b}`]
        })
      )
      expect(far).toEqual([])
      // They learn: else any two devices agree.
      expect(expected[steps - 1].loss).toBeLessThan(0.9 * expected[0].loss)
    })
})

describe('a run', () => {
  const at = (...parts: ReadonlyArray<string>): string => join(directory, ...parts)

  /** Six steps with a checkpoint after every third. */
  const options = (out: string, change: Partial<PretrainOptions> = {}): PretrainOptions =>
    optionsOf(corpus, at(out), { config: least({ shards: 1 }), totalSteps: 6, checkpointEvery: 3, ...change })

  const where = { multiplier: 'own', workers: 1, ranks: 1, relaxedSimd: false }

  const heldOn = ({ device }: Opened): HeldFolds => ({
    ...residentFold(device),
    where: { ...where, device: 'webgpu' },
    release: () => Promise.resolve()
  })

  /** The run on a device that stays open behind it. */
  const pretrainOn = (on: Opened, given: PretrainOptions) =>
    trainThen({
      ...given,
      folds: () => TE.right(heldOn(on)),
      identity: identityOf(given),
      problem: () => pretrainingProblem(given)
    })<never, RunResult>(TE.right)

  const onWasm = { pool: optionsOf(corpus, '').pool }

  const metricsOf = async (out: string): Promise<ReadonlyArray<unknown>> =>
    (await readFile(at(out, 'metrics.jsonl'), 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => ({ ...(JSON.parse(line) as object), seconds: 0 }))

  itOnWebGpu(
    'whose device is lost ends with one error that names its last checkpoint, and goes on from it',
    async () => {
      const whole = await rightOf(pretrainOn(await sharedDevice(), options('whole')))
      expect(whole).toMatchObject({ isComplete: true, step: 6, device: 'webgpu', multiplier: 'own' })

      const lost = await openDevice()
      const observe = (event: RunEvent): void => {
        // The fifth step is in flight, and the sixth may be.
        if (event._tag === 'Stepped' && event.step === 4) lost.gpu.device.destroy()
      }
      const error = left(await pretrainOn(lost, options('lost', { observe }))())
      const last = at('lost', 'checkpoints', 'checkpoint-00000003')
      expect(error).toMatchObject({ _tag: 'StepFailed', cause: { _tag: 'StateTorn' }, saved: O.none, last })
      expect(showRunError(error)).toMatch(/^after step [45]: [^\n]*the GPU device was lost[^\n]*$/)
      expect(showRunError(error)).toContain(`. The last checkpoint stands, ${last}: continue with --resume`)
      expect(await readdir(at('lost', 'checkpoints'))).toEqual(['checkpoint-00000003'])

      const resumed = await rightOf(pretrainOn(await sharedDevice(), options('lost', { resume: true })))
      expect(resumed).toMatchObject({ isComplete: true, step: 6 })
      expect([resumed.weightsSha256, resumed.optimizerSha256]).toEqual([whole.weightsSha256, whole.optimizerSha256])
      expect(await metricsOf('lost')).toEqual(await metricsOf('whole'))
    }
  )

  itOnWebGpu('whose memory runs out ends with one error that names its checkpoint, and goes on from it', async () => {
    let step = 0
    const observe = (event: RunEvent): void => {
      if (event._tag === 'Stepped') step = event.step
    }
    const shouldStop = (): boolean => step === 4
    await rightOf(pretrainOn(await sharedDevice(), options('small', { observe, shouldStop })))
    // Enough for the state, and not for what a step computes.
    const budget = { bytes: Infinity, used: 0 }
    const fill = (event: RunEvent): void => {
      if (event._tag === 'Started') budget.bytes = budget.used
    }
    const small = await openDevice('own', (gpu) => withMemory(budget, gpu))
    const error = left(await pretrainOn(small, options('small', { resume: true, observe: fill }))())
    expect(error).toMatchObject({ _tag: 'StepFailed', step: 5, cause: { _tag: 'OutOfMemory' } })
    expect(showRunError(error)).toContain(at('small', 'checkpoints', 'checkpoint-00000005'))
    const resumed = await rightOf(pretrainOn(await sharedDevice(), options('small', { resume: true })))
    const whole = await rightOf(pretrainOn(await sharedDevice(), options('large')))
    expect([resumed.weightsSha256, resumed.heldOut]).toEqual([whole.weightsSha256, whole.heldOut])
  })

  itOnWebGpu('whose device hangs ends with one error that names its last checkpoint', async () => {
    let hangs = false
    const stuck = await openDevice('own', (gpu) => hanging(() => hangs, gpu))
    const observe = (event: RunEvent): void => {
      if (event._tag !== 'Stepped' || event.step !== 4) return
      hangs = true
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    }
    onTestFinished(() => {
      vi.useRealTimers()
    })
    const ended = pretrainOn(stuck, options('stuck', { observe }))()
    await vi.waitUntil(() => hangs && vi.getTimerCount() > 0, { timeout: 300_000 })
    await vi.advanceTimersByTimeAsync(3600_000)
    const error = left(await ended)
    expect(showRunError(error)).toMatch(
      /^after step [45]: [^\n]*the GPU hangs: it has given no answer for 3600 s[^\n]*$/
    )
    expect(showRunError(error)).toContain(
      `The last checkpoint stands, ${at('stuck', 'checkpoints', 'checkpoint-00000003')}`
    )
  })

  itOnWebGpu('begun on a GPU and lost there goes on where it is asked to, and its report says so', async () => {
    const lost = await openDevice()
    const observe = ({ _tag }: RunEvent): void => {
      if (_tag === 'Saved') lost.gpu.device.destroy()
    }
    expect(left(await pretrainOn(lost, options('moved', { observe }))())).toMatchObject({ _tag: 'StepFailed', step: 3 })
    const resumed = await rightOf(pretrain(options('moved', { ...onWasm, resume: true })))
    expect(resumed).toMatchObject({ isComplete: true, step: 6, device: 'wasm' })
    expect(resumed.starts).toEqual([
      { ...where, device: 'webgpu', step: 0 },
      { ...where, device: 'wasm', step: 3 }
    ])
    expect(showReport(closingReport(resumed, []), [])).toMatch(
      /^computed on {5}1 worker on webgpu, matmul own\n {16}from step 3: 1 worker on wasm, matmul own$/m
    )
    // Rounding apart, the run that went nowhere.
    const whole = await rightOf(pretrain(options('on wasm', onWasm)))
    expect(resumed.last.loss / whole.last.loss).toBeCloseTo(1, 5)
  })
})
