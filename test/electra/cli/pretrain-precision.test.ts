/** `pretrain --precision`: what it needs, and how a run in mixed precision goes on as a process. */

import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { pretrain } from '../../../src/electra/pretraining/pretrain.js'
import { rightOf } from '../data/right.js'
import type { Corpus } from '../../../src/electra/data/corpus/corpus.js'
import { corpusIn, nano, optionsOf, remove, stoppingAfter, temporary, textOf } from '../training/runs.js'
import { expectFailure, jsonLines, pureElectra } from './cli.js'

vi.setConfig({ testTimeout: 120_000 })

let directory = ''
let corpus: Corpus
const at = (...names: ReadonlyArray<string>): string => join(directory, ...names)

beforeAll(async () => {
  directory = await temporary()
  corpus = await corpusIn(directory, 'text', textOf(52))
})
afterAll(() => remove(directory))

const pretraining = (out: string, ...more: ReadonlyArray<string>) =>
  pureElectra(
    ...['pretrain', '--config', 'nano', '--corpus', at('text.corpus'), '--out', at(out), '--steps', '8', '--seed', '1'],
    ...['--json', ...more]
  )

describe('--precision mixed', () => {
  it.each([[[]], [['--device', 'wasm']], [['--device', 'reference']]])(
    'is refused in one sentence with %j, which computes in float32',
    async (device) => {
      const ran = await pretraining('refused', '--precision', 'mixed', ...device)
      expectFailure(
        ran,
        2,
        /--precision mixed: found it with the device \w+, expected --device webgpu .*shader-f16.*or leave out --precision/
      )
      // Nor is anything said of a run that there is not.
      expect(ran.stderr).not.toContain('goes on')
    }
  )

  it('is what a run goes on in that was begun so, on what computes in float32 too, and says it', async () => {
    const options = optionsOf(corpus, at('whole'), { config: nano(), totalSteps: 8, precision: 'mixed' })
    const whole = await rightOf(pretrain(options))
    await rightOf(pretrain({ ...options, out: at('moved'), ...stoppingAfter(3) }))

    expectFailure(await pretraining('moved', '--resume', '--precision', 'float32'), 1, /precision: .*mixed.*float32/s)
    const resumed = await pretraining('moved', '--resume')
    expect(resumed).toMatchObject({ code: 0 })
    expect(resumed.stderr).toContain('the run is in mixed precision, and wasm computes in float32')
    expect(jsonLines(resumed)[0]).toMatchObject({
      complete: true,
      weightsSha256: whole.weightsSha256,
      optimizerSha256: whole.optimizerSha256,
      lossScale: { last: 65536, skipped: 0 }
    })
    // It is finished, and the same is said of it again.
    expect(jsonLines(await pretraining('moved', '--resume'))[0]).toMatchObject({ lossScale: { last: 65536 } })
  })
})
