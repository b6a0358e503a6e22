/** Runs in mixed precision: what is kept of them and how they go on and end, on a device that computes in float32 all the same. */

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { showReport } from '../../../src/electra/cli/report.js'
import { closingReport } from '../../../src/electra/report/closing-report.js'
import { showRunError } from '../../../src/electra/cli/show-error.js'
import type { Corpus } from '../../../src/electra/data/corpus/corpus.js'
import { identityOf, pretrain, type PretrainOptions } from '../../../src/electra/pretraining/pretrain.js'
import type { LossScaling } from '../../../src/nn/index.js'
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

/** Its first steps are skipped, and it grows soon after. */
const lossScaling: LossScaling = { initialScale: 2 ** 127, growthInterval: 3, maxScale: 2 ** 127 }

const mixed = (out: string, change: Partial<PretrainOptions> = {}): PretrainOptions =>
  optionsOf(corpus, at(out), { precision: 'mixed', lossScaling, totalSteps: 16, ...change })

type Line = { readonly kind: string; readonly step: number; readonly [name: string]: unknown }

const metricsOf = async (out: string): Promise<ReadonlyArray<Line>> =>
  (await readFile(at(out, 'metrics.jsonl'), 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => ({ ...(JSON.parse(line) as Line), seconds: 0 }))

const checkpointFiles = async (path: string): Promise<ReadonlyArray<readonly [string, Buffer]>> =>
  Promise.all((await readdir(path)).sort().map(async (name) => [name, await readFile(join(path, name))] as const))

describe('a run in mixed precision', () => {
  it('that is stopped and resumed is the run that was not, skipped steps, scale and all', async () => {
    const whole = await rightOf(pretrain(mixed('whole')))
    const steps = (await metricsOf('whole')).filter(({ kind }) => kind === 'step')
    const first = steps.findIndex(({ gradientNorm }) => gradientNorm !== null)
    expect(first).toBeGreaterThan(3)
    const scales = steps.map(({ lossScale }) => lossScale)
    expect(scales.slice(0, first + 4)).toEqual([
      ...Array.from({ length: first }, (_, n) => 2 ** (127 - n)),
      ...[0, 0, 0, 1].map((n) => 2 ** (127 - first + n))
    ])
    const skipped = steps.filter(({ gradientNorm }) => gradientNorm === null).length
    expect(whole.scaled).toMatchObject({ lossScale: scales.at(-1), skipped })
    expect(showReport(closingReport(whole, []), []).replace(/\s+/g, ' ')).toContain(
      ` loss scale ${String(whole.scaled?.lossScale)} at the last step; ${String(whole.scaled?.skipped)} of 16 steps skipped computed on`
    )

    await rightOf(pretrain(mixed('stopped', stoppingAfter(2))))
    await rightOf(pretrain(mixed('stopped', { resume: true, ...stoppingAfter(first) })))
    const resumed = await rightOf(pretrain(mixed('stopped', { resume: true, pool: threads(2) })))
    expect(await metricsOf('stopped')).toEqual(await metricsOf('whole'))
    expect(await checkpointFiles(resumed.checkpoint)).toEqual(await checkpointFiles(whole.checkpoint))
    expect(resumed.scaled).toEqual(whole.scaled)
    expect(JSON.parse(await readFile(at('stopped', 'run.json'), 'utf8'))).toMatchObject({ precision: 'mixed' })
  })

  it('is another run than one in float32, whose identity says nothing of it', async () => {
    await rightOf(pretrain(mixed('mixed', { lossScaling: undefined, ...stoppingAfter(1) })))
    const { precision: _, lossScaling: __, ...plain } = mixed('mixed', { resume: true })
    const refused = left(await pretrain(plain)())
    expect(refused).toEqual({
      _tag: 'NotResumable',
      differences: [{ what: 'precision', found: '"mixed"', expected: '"float32"' }]
    })
    // So is one whose scale changes by another rule.
    expect(left(await pretrain(mixed('mixed', { resume: true }))())).toMatchObject({
      _tag: 'NotResumable',
      differences: Object.entries(lossScaling).map(([name, value]) => ({
        what: `lossScaling.${name}`,
        expected: String(value)
      }))
    })
    await rightOf(pretrain({ ...plain, out: at('plain'), resume: false, ...stoppingAfter(1) }))
    expect(left(await pretrain(mixed('plain', { lossScaling: undefined, resume: true }))())).toEqual({
      _tag: 'NotResumable',
      differences: [{ what: 'precision', found: '"float32"', expected: '"mixed"' }]
    })
    // As those were written that stand in checkpoints from before there was a choice.
    expect(Object.keys(identityOf(plain)).sort()).toEqual(['config', 'corpus', 'problem', 'seed', 'steps'])
    expect(identityOf({ ...plain, precision: 'float32' })).toEqual(identityOf(plain))
    expect(JSON.parse(await readFile(at('plain', 'run.json'), 'utf8'))).not.toHaveProperty('precision')
    expect((await metricsOf('plain'))[0]).not.toHaveProperty('lossScale')
  })

  it('whose loss is no number has diverged once the scale has come down to 1, and keeps what was before', async () => {
    const config = least({ optimizer: { learningRate: 1e30 } })
    const diverging = mixed('diverged', {
      config,
      checkpointEvery: 100,
      lossScaling: { initialScale: 4, growthInterval: 100, maxScale: 4 }
    })
    const error = left(await pretrain(diverging)())
    expect(error).toMatchObject({ _tag: 'Diverged', what: 'loss', found: NaN, skipped: 3 })
    expect(showRunError(error)).toMatch(
      /^step \d+: the loss is NaN, though the loss scale is 1, after 3 steps in a row that were skipped\. Checkpoints /
    )
    // Wherever it is stopped on the way there.
    const stopped = { ...diverging, out: at('diverged and stopped') }
    await rightOf(pretrain({ ...stopped, ...stoppingAfter(3) }))
    expect(left(await pretrain({ ...stopped, resume: true })())).toEqual(error)
  })
})
