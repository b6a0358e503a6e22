/** A tiny task of one's own through the built command line: trials, an interrupt, what is written. */

import { cp, readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { remove, temporary } from '../training/runs.js'
import { pureElectra, start } from './cli.js'

let directory = ''
const at = (...names: ReadonlyArray<string>): string => join(directory, ...names)

const words = ['red', 'green', 'blue', 'one', 'two', 'many']
const table = (n: number, from: number): string =>
  `text,label\n${Array.from({ length: n }, (_, i) => `${words[(from + i) % 6]} ${words[(i * i + from) % 6]},${i % 2 === 0 ? 'even' : 'odd'}\n`).join('')}`

const command = (out: string, ...more: ReadonlyArray<string>): ReadonlyArray<string> => [
  ...['finetune', '--task', 'sentence', '--train', at('train.csv'), '--dev', at('dev.csv'), '--test', at('test.csv')],
  ...['--text-a', 'text', '--label', 'label', '--model', at('model'), '--out', at(out), '--head', 'huggingface'],
  ...['--batch-size', '4', '--sequence-length', '8', '--epochs', '6', '--trials', '2', ...more]
]

type Results = {
  readonly trials: ReadonlyArray<{ readonly seed: number; readonly splits: Readonly<Record<string, object>> }>
  readonly splits: { readonly dev: { readonly accuracy: { readonly trials: number; readonly median: number } } }
}

const json = async (...names: ReadonlyArray<string>): Promise<unknown> =>
  JSON.parse(await readFile(at(...names), 'utf8'))

const weightsOf = async (out: string): Promise<unknown> =>
  Promise.all(
    ['trial-1', 'trial-2'].map(
      async (trial) => ((await json(out, trial, 'report.json')) as { readonly weightsSha256: string }).weightsSha256
    )
  )

beforeAll(async () => {
  directory = await temporary()
  await cp('test/fixtures/task-heads/classification', at('model'), { recursive: true })
  const { vocab_size: size } = (await json('model', 'config.json')) as { readonly vocab_size: number }
  const pieces = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...words].slice(0, size)
  await writeFile(at('model', 'vocab.txt'), pieces.map((piece) => `${piece}\n`).join(''))
  await writeFile(at('train.csv'), table(10, 0))
  await writeFile(at('dev.csv'), table(7, 2))
  await writeFile(at('test.csv'), 'text\nred\nmany\n')
})
afterAll(() => remove(directory))

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
    const results = (await json('whole', 'results.json')) as Results
    expect(((await json('cut', 'results.json')) as Results).trials).toEqual(results.trials)

    expect(results.trials.map(({ seed }) => seed)).toEqual([1, 2])
    expect(results.splits.dev.accuracy.trials).toBe(2)
    expect(await readFile(at('whole', 'trial-1', 'predictions', 'test.tsv'), 'utf8')).toMatch(
      /^index\tprediction\n0\t(even|odd)\n1\t(even|odd)\n$/
    )
    expect(await readdir(at('whole', 'trial-2', 'model'))).toContain('model.safetensors')

    const again = await pureElectra(...command('whole', '--resume'))
    expect(again.code, again.stderr).toBe(0)
    expect(again.stderr).not.toContain('trial 1 of 2')
  }, 240_000)

  it('names the tasks where there is none of that name', async () => {
    const { code, stderr } = await pureElectra('finetune', '--task', 'glue', '--model', 'm', '--out', at('none'))
    expect(code).toBe(2)
    expect(stderr).toContain("found 'glue', expected one of cola")
  })
})
