/** A tiny task of one's own through the built command line: trials, an interrupt, what is written. */

import { readdir } from 'node:fs/promises'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { pureElectra, start } from './cli.js'
import { classes, place, type Place, type Results } from './finetune-cases.js'

let there: Place
beforeAll(async () => {
  there = await place()
})
afterAll(() => there.remove())

const command = (out: string, ...more: ReadonlyArray<string>): ReadonlyArray<string> =>
  classes(there, out, '--head', 'huggingface', '--epochs', '6', '--trials', '2', ...more)

const resultsOf = async (out: string): Promise<Results> => (await there.json(out, 'results.json')) as Results

const weightsOf = async (out: string): Promise<unknown> =>
  Promise.all(
    ['trial-1', 'trial-2'].map(
      async (trial) =>
        ((await there.json(out, trial, 'report.json')) as { readonly weightsSha256: string }).weightsSha256
    )
  )

describe('finetune', () => {
  it('comes to the same bits with any number of workers, and with an interrupt on the way', async () => {
    const whole = await pureElectra(...command('whole'))
    expect(whole.code, whole.stderr).toBe(0)

    const running = start(...command('cut', '--workers', '2'))
    const { stderr } = running.child
    if (stderr === null) throw new Error('no standard error')
    for (;;) {
      const [chunk] = (await once(stderr, 'data')) as [Buffer | string]
      if (String(chunk).includes('saved')) break
    }
    running.child.kill('SIGINT')
    expect((await running.ended).code).toBe(130)
    const resumed = await pureElectra(...command('cut', '--workers', '2', '--resume'))
    expect(resumed.code, resumed.stderr).toBe(0)
    expect(await weightsOf('cut')).toEqual(await weightsOf('whole'))
    const results = await resultsOf('whole')
    expect((await resultsOf('cut')).trials).toEqual(results.trials)

    expect(results.trials.map(({ seed }) => seed)).toEqual([1, 2])
    expect(results.splits.dev.accuracy.trials).toBe(2)
    expect(await there.text('whole', 'trial-1', 'predictions', 'test.tsv')).toMatch(
      /^index\tprediction\n0\t(even|odd)\n1\t(even|odd)\n$/
    )
    expect(await readdir(there.at('whole', 'trial-2', 'model'))).toContain('model.safetensors')

    const again = await pureElectra(...command('whole', '--resume'))
    expect(again.code, again.stderr).toBe(0)
    expect(again.stderr).not.toContain('trial 1 of 2')
  }, 240_000)

  it('names the tasks where there is none of that name', async () => {
    const { code, stderr } = await pureElectra('finetune', '--task', 'glue', '--model', 'm', '--out', there.at('none'))
    expect(code).toBe(2)
    expect(stderr).toContain("found 'glue', expected one of cola")
  })
})
