/**
 * Pre-training as the fold that it is: stopping and going on leave no trace, and what cannot go on says why.
 */

import { mkdirSync, renameSync, rmSync } from 'node:fs'
import { cp, mkdir, readdir, readFile, rm, stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import * as O from 'fp-ts/lib/Option.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { showRunError } from '../../../src/electra/cli/show-error.js'
import type { Corpus } from '../../../src/electra/data/corpus/corpus.js'
import { latestCheckpoint } from '../../../src/electra/store/checkpoints/checkpoint.js'
import { showStoreError } from '../../../src/electra/store/errors.js'
import { networkOf } from '../../../src/electra/store/models/hf-config.js'
import type { FloatTensor } from '../../../src/electra/store/models/hf-tensors.js'
import type { InitialWeights } from '../../../src/electra/store/models/initial-weights.js'
import { identityOf, pretrain } from '../../../src/electra/pretraining/pretrain.js'
import type { PretrainOptions } from '../../../src/electra/pretraining/pretrain.js'
import type { RunEvent, RunResult } from '../../../src/electra/training/run.js'
import { acquireRunDirectory } from '../../../src/electra/training/run-directory.js'
import { solo } from '../../../src/workers/index.js'
import { left, rightOf } from '../data/right.js'
import { corpusIn, least, optionsOf, remove, stoppingAfter, temporary, textOf, threads } from './runs.js'

let directory = ''
let corpus: Corpus
beforeAll(async () => {
  directory = await temporary()
  corpus = await corpusIn(directory, 'text', textOf(52))
})
afterAll(() => remove(directory))

const at = (...names: ReadonlyArray<string>): string => join(directory, ...names)

/** The lines of a run's metrics, without the times. */
const metricsOf = async (out: string): Promise<ReadonlyArray<unknown>> =>
  (await readFile(join(out, 'metrics.jsonl'), 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => ({ ...(JSON.parse(line) as object), seconds: 0 }))

/** What two runs that are the same have in common. */
const factsOf = ({
  tokensPerSecond: _,
  checkpoint: __,
  params: ___,
  workers: ____,
  starts: _____,
  ...facts
}: RunResult) => facts

/** All that is below a directory, and when it was last changed: but for that of the checkpoints, where a lock comes and goes. */
const changesIn = async (out: string): Promise<ReadonlyArray<readonly [string, bigint]>> => {
  const names = (await readdir(out, { recursive: true })).filter((name) => name !== 'checkpoints').sort()
  return Promise.all(
    names.map(async (name) => [name, (await stat(join(out, name), { bigint: true })).ctimeNs] as const)
  )
}

const checkpointFiles = async (path: string): Promise<ReadonlyArray<readonly [string, Buffer]>> =>
  Promise.all((await readdir(path)).sort().map(async (name) => [name, await readFile(join(path, name))] as const))

describe('a run that starts from the weights of another', () => {
  const half = (params: RunResult['params'], name: 'discriminator' | 'generator'): ReadonlyArray<FloatTensor> =>
    params.flatMap((x) =>
      x.dtype === 'F32' && x.name.startsWith(`${name}.`) ? [{ ...x, dtype: x.dtype, data: x.data }] : []
    )

  it('has them until its own steps change them, stopped and resumed or not, and keeps whence they are', async () => {
    const seed = 2
    const donor = await rightOf(pretrain(optionsOf(corpus, at('donor'), { seed, totalSteps: 4 })))
    const tensors = half(donor.params, 'discriminator')
    const network = networkOf(least(), corpus.vocabulary.pieces.length, {
      name: 'discriminator',
      half: 'discriminator',
      size: least().model,
      sources: []
    })
    const initial: InitialWeights = { tensors, from: [{ directory: 'donor', half: 'discriminator', network, tensors }] }
    // So small a rate that no weight changes.
    const config = least({ optimizer: { learningRate: 1e-30 } })
    const given = (out: string, change: Partial<PretrainOptions> = {}) =>
      optionsOf(corpus, at(out), { config, initial, ...change })
    const whole = await rightOf(pretrain(given('from-donor')))
    expect(half(whole.params, 'discriminator')).toEqual(tensors)
    expect(half(whole.params, 'generator')).not.toEqual(half(donor.params, 'generator'))
    await rightOf(pretrain(given('from-donor-stopped', stoppingAfter(0))))
    const resumed = await rightOf(pretrain(given('from-donor-stopped', { initial: undefined, resume: true })))
    expect(factsOf(resumed)).toEqual(factsOf(whole))
    const record: unknown = JSON.parse(await readFile(at('from-donor-stopped', 'run.json'), 'utf8'))
    expect(record).toMatchObject({ startedFrom: ['donor'] })
  })
})

describe('a run that is stopped and resumed', () => {
  let whole: RunResult
  beforeAll(async () => {
    whole = await rightOf(pretrain(optionsOf(corpus, at('whole'))))
  })

  it('is the run that was never stopped: its hashes, its report, its metrics and its last checkpoint', async () => {
    let run = 0
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.nat({ max: 11 }), { minLength: 1, maxLength: 2 }).map((stops) => stops.sort((a, b) => a - b)),
        fc.constantFrom(1, 2),
        async (stops, workers) => {
          const out = at(`stopped-${run++}`)
          let from = 0
          for (const stop of stops) {
            const options = optionsOf(corpus, out, { resume: out !== '' && from > 0, ...stoppingAfter(stop - from) })
            expect(await rightOf(pretrain(options))).toMatchObject({ isComplete: false, step: stop })
            // A run that is stopped before its first step has saved that too.
            from = stop
          }
          const resumed = await rightOf(pretrain(optionsOf(corpus, out, { resume: true, pool: threads(workers) })))
          expect(factsOf(resumed)).toEqual(factsOf(whole))
          expect(await metricsOf(out)).toEqual(await metricsOf(at('whole')))
          expect(await checkpointFiles(resumed.checkpoint)).toEqual(await checkpointFiles(whole.checkpoint))
        }
      ),
      {
        numRuns: 4,
        examples: [
          [[6], 2],
          [[0], 1]
        ]
      }
    )
  })

  it('goes on from the checkpoint before, where the newest was lost', async () => {
    const out = at('lost')
    await cp(at('whole'), out, { recursive: true })
    await rm(join(out, 'checkpoints', 'checkpoint-00000012'), { recursive: true })
    expect(factsOf(await rightOf(pretrain(optionsOf(corpus, out, { resume: true }))))).toEqual(factsOf(whole))
    expect(await metricsOf(out)).toEqual(await metricsOf(at('whole')))
  })

  it('takes no step, evaluates nothing and writes nothing when it was complete', async () => {
    const events: Array<RunEvent['_tag']> = []
    const before = await changesIn(at('whole'))
    const again = await rightOf(
      pretrain(
        optionsOf(corpus, at('whole'), {
          resume: true,
          pool: threads(2),
          observe: ({ _tag }) => events.push(_tag)
        })
      )
    )
    expect(events).toEqual(['Started'])
    expect(again).toMatchObject({ ...factsOf(whole), tokensPerSecond: undefined, checkpoint: whole.checkpoint })
    // What it was computed on, and not what would have gone on.
    expect(again).toMatchObject({ workers: 1, starts: whole.starts })
    expect(await changesIn(at('whole'))).toEqual(before)
    expect(await metricsOf(at('whole'))).toHaveLength(12 + 3)
  })

  it.each([
    ['config.maskProbability', { config: least({ maskProbability: 0.2 }) }, 'the checkpoint has 0.15, this run 0.2'],
    ['config.optimizer.learningRate', { config: least({ optimizer: { learningRate: 0.5 } }) }, 'this run 0.5'],
    ['seed', { seed: 2 }, 'the checkpoint has 1, this run 2'],
    ['steps', { totalSteps: 13 }, 'the checkpoint has 12, this run 13']
  ])('refuses another %s by name, and touches nothing', async (what, change, sentence) => {
    const before = await readdir(at('whole', 'checkpoints'))
    const error = left(await pretrain(optionsOf(corpus, at('whole'), { resume: true, ...change }))())
    if (error._tag !== 'NotResumable') throw new Error(error._tag)
    expect(error.differences.map((difference) => difference.what)).toEqual([what])
    expect(showStoreError(error)).toContain(sentence)
    expect(await readdir(at('whole', 'checkpoints'))).toEqual(before)
  })

  it('refuses another corpus by name', async () => {
    const other = await corpusIn(directory, 'other', textOf(53))
    expect(left(await pretrain(optionsOf(other, at('whole'), { resume: true }))())).toMatchObject({
      _tag: 'NotResumable',
      differences: [{ what: 'corpus' }]
    })
  })

  it('may save more or less often, and be named otherwise', async () => {
    const out = at('renamed')
    await rightOf(pretrain(optionsOf(corpus, out, stoppingAfter(5))))
    const config = { ...least(), name: 'of another name' }
    const resumed = await rightOf(pretrain(optionsOf(corpus, out, { resume: true, config, checkpointEvery: 5 })))
    expect(resumed.weightsSha256).toBe(whole.weightsSha256)
  })

  it('does not start over a run that is there, nor resume one that is not', async () => {
    expect(left(await pretrain(optionsOf(corpus, at('whole')))())).toEqual({
      _tag: 'RunExists',
      out: at('whole'),
      step: 12
    })
    expect(left(await pretrain(optionsOf(corpus, at('none'), { resume: true }))())).toEqual({
      _tag: 'NothingToResume',
      out: at('none')
    })
    expect(await readdir(directory)).not.toContain('none')
  })

  it('does not resume from a damaged checkpoint in silence', async () => {
    const out = at('damaged')
    await cp(at('whole'), out, { recursive: true })
    await truncate(join(out, 'checkpoints', 'checkpoint-00000012', 'optimizer.safetensors'), 100)
    expect(left(await pretrain(optionsOf(corpus, out, { resume: true }))())).toMatchObject({
      _tag: 'NewestUnusable',
      newest: join(out, 'checkpoints', 'checkpoint-00000012'),
      previous: join(out, 'checkpoints', 'checkpoint-00000008')
    })
  })
})

describe('a run', () => {
  it('tells what it does in order, and writes the same to its metrics', async () => {
    const events: Array<string> = []
    const out = at('told')
    const result = await rightOf(
      pretrain(
        optionsOf(corpus, out, {
          totalSteps: 5,
          observe: (event) =>
            events.push('step' in event && event.step > 0 ? `${event._tag} ${event.step}` : event._tag)
        })
      )
    )
    const steps = [1, 2, 3, 4].map((step) => `Stepped ${step}`)
    expect(events).toEqual(['Started', ...steps, 'Evaluated 4', 'Saved 4', 'Stepped 5', 'Evaluated 5', 'Saved 5'])
    expect((await metricsOf(out)).map((line) => line as { kind: string; step: number })).toMatchObject([
      ...[1, 2, 3, 4].map((step) => ({ kind: 'step', step })),
      { kind: 'heldOut', step: 4 },
      { kind: 'step', step: 5 },
      { kind: 'heldOut', step: 5, loss: result.heldOut?.loss }
    ])
    expect(result.first.maskedLmLoss).toBe(((await metricsOf(out))[0] as { maskedLmLoss: number }).maskedLmLoss)
  })

  it('keeps the last checkpoints, and the best beside them, before and after it is resumed', async () => {
    const losses = new Map<number, number>()
    // The rate rises until it hurts: the best is an early one.
    const config = least({ discriminatorWeight: 0, optimizer: { learningRate: 1, warmupSteps: 20 } })
    const out = at('kept')
    const options = optionsOf(corpus, out, {
      config,
      totalSteps: 24,
      keepCheckpoints: 1,
      observe: (event) => {
        if (event._tag === 'Evaluated') losses.set(event.step, event.report.loss)
      }
    })
    await rightOf(pretrain({ ...options, shouldStop: () => losses.size === 4 }))
    const result = await rightOf(pretrain({ ...options, resume: true }))
    const [[step, loss]] = [...losses].sort(([, a], [, b]) => a - b)
    expect(step).toBeLessThan(16)
    expect(result.best).toEqual({ step, loss })
    expect((await readdir(join(out, 'checkpoints'))).sort()).toEqual(
      [step, 24].map((n) => `checkpoint-${String(n).padStart(8, '0')}`)
    )
  })

  it('that diverges says at which step, and its earlier checkpoints stand', async () => {
    const config = least({ optimizer: { learningRate: 1e30 } })
    const diverging = optionsOf(corpus, at('diverged'), { config, checkpointEvery: 1 })
    const error = left(await pretrain(diverging)())
    expect(error).toMatchObject({ _tag: 'Diverged', found: NaN })
    const found = O.toNullable(await rightOf(latestCheckpoint(at('diverged', 'checkpoints'))))
    expect(found?.checkpoint.params.every(({ data }) => data.every((x) => Number.isFinite(x)))).toBe(true)
    expect(left(await pretrain({ ...diverging, resume: true })())).toEqual(error)
  })

  it('trains on a corpus that is smaller than a batch, without evaluations where nothing is held out', async () => {
    const single = await corpusIn(directory, 'single', 'The cat sings.\n')
    const events: Array<RunEvent> = []
    const result = await rightOf(
      pretrain(optionsOf(single, at('single'), { totalSteps: 2, observe: (event) => events.push(event) }))
    )
    expect(events[0]).toMatchObject({ _tag: 'Started', examples: 1, heldOutExamples: 0 })
    expect(events.map(({ _tag }) => _tag)).not.toContain('Evaluated')
    expect(result).toMatchObject({ isComplete: true, heldOut: undefined, best: undefined })
  })

  it('on a device that has one worker only says so where more are asked for', async () => {
    const pool = { workers: 2, choice: { device: 'wasm', matmul: 'gpu.js:cpu', floats: 'float32' } } as const
    expect(left(await pretrain(optionsOf(corpus, at('two'), { pool }))())).toMatchObject({
      _tag: 'WrongWorkerCount',
      found: 2,
      expected: '1'
    })
  })

  it.each([
    ['removed', (out: string) => rmSync(out, { recursive: true })],
    ['moved', (out: string) => renameSync(out, `${out}-elsewhere`)],
    [
      'replaced',
      (out: string) => {
        renameSync(out, `${out}-elsewhere`)
        mkdirSync(out)
      }
    ]
  ])('whose directory is %s while it runs says so, and brings nothing of it into being again', async (how, harm) => {
    const out = at(`gone-${how}`)
    const observe = (event: RunEvent): void => {
      if (event._tag === 'Stepped' && event.step === 2) harm(out)
    }
    const ended = left(await pretrain(optionsOf(corpus, out, { observe }))())
    expect(ended).toEqual({ _tag: 'Gone', path: out })
    expect(await readdir(out).catch(() => [])).toEqual([])
  })

  it('whose checkpoints are removed while it runs saves its state, says so, and goes on from there', async () => {
    const out = at('no-checkpoints')
    const options = optionsOf(corpus, out, { totalSteps: 4, checkpointEvery: 2 })
    const observe = (event: RunEvent): void => {
      if (event._tag === 'Stepped' && event.step === 1) rmSync(join(out, 'checkpoints'), { recursive: true })
    }
    const ended = left(await pretrain({ ...options, observe })())
    const saved = join(out, 'checkpoints', 'checkpoint-00000002')
    expect(ended).toEqual({ _tag: 'Gone', path: join(out, 'checkpoints'), saved })
    expect(showRunError(ended)).toMatch(/checkpoints is no longer .* saved in .*-00000002: continue with --resume$/)
    const resumed = await rightOf(pretrain({ ...options, resume: true }))
    expect(factsOf(resumed)).toEqual(factsOf(await rightOf(pretrain({ ...options, out: `${out}-not` }))))
  })

  it('whose directory is removed before the first step says so', async () => {
    const out = at('gone-early')
    const options = optionsOf(corpus, out)
    const directory = await rightOf(acquireRunDirectory(options, identityOf(options), solo))
    const beginning = await rightOf(directory.begin)
    await rm(out, { recursive: true })
    const where = { device: 'wasm', multiplier: 'own', workers: 1, ranks: 1, relaxedSimd: false } as const
    const opened = await directory.open(beginning, { step: 0, owesEvaluation: false }, where)()
    expect(left(opened)).toEqual({ _tag: 'Gone', path: out })
    await directory.release()
  })

  it('whose metrics are taken away says so: half of them would pass for the whole', async () => {
    const out = at('no-metrics')
    const observe = (event: RunEvent): void => {
      if (event._tag === 'Stepped' && event.step === 2) rmSync(join(out, 'metrics.jsonl'))
    }
    expect(left(await pretrain(optionsOf(corpus, out, { observe }))())).toMatchObject({
      _tag: 'FileFailure',
      code: 'ENOENT',
      path: join(out, 'metrics.jsonl')
    })
  })

  it('says where it could not write', async () => {
    await mkdir(at('file'))
    expect(left(await pretrain(optionsOf(corpus, at('text.txt', 'run')))())).toMatchObject({
      _tag: 'FileFailure',
      code: 'ENOTDIR'
    })
  })
})
