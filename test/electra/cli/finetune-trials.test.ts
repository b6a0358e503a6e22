/** Trials of a fine-tuning through the built command line: what is judged, said and kept, and what a kill leaves. */

import { existsSync } from 'node:fs'
import { writeFile, mkdir } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { forwardCount } from '../../../src/electra/flops/forward.js'
import { pearson } from '../../../src/electra/tasks/metrics/correlation.js'
import { jsonLines, pureElectra, start, type Ran } from './cli.js'
import { classes, place, regression, words, type Place, type Results } from './finetune-cases.js'

type Trial = Results['trials'][number] & { readonly step: number }
type Report = Readonly<Record<string, unknown>> & {
  readonly best: { readonly step: number; readonly loss: number }
  readonly compute: Readonly<Record<'published' | 'executed', { readonly step: number; readonly run: number }>>
}
type Document = Omit<Results, 'trials'> & {
  readonly complete: boolean
  readonly trials: ReadonlyArray<Trial>
  readonly reports: ReadonlyArray<Report>
}

let there: Place
let whole: Document

const command = (out: string, ...more: ReadonlyArray<string>): ReadonlyArray<string> =>
  classes(there, out, '--trials', '2', '--epochs', '4', '--checkpoint', 'best', ...more)

const documentOf = (ran: Ran): Document => {
  expect(ran.code, ran.stderr).toBe(0)
  const lines = jsonLines(ran)
  expect(lines).toHaveLength(1)
  return lines[0] as unknown as Document
}

beforeAll(async () => {
  there = await place()
  whole = documentOf(await pureElectra(...command('whole', '--matmul', 'own', '--json')))
}, 120_000)
afterAll(() => there.remove())

const hashesOf = ({ reports }: Document): ReadonlyArray<unknown> =>
  reports.map(({ weightsSha256, optimizerSha256 }) => [weightsSha256, optimizerSha256])

describe('trials', () => {
  it('are judged by the state of the least loss on dev where that is asked for', async () => {
    const evaluations = async (trial: number) =>
      (await there.text('whole', `trial-${trial}`, 'metrics.jsonl'))
        .split('\n')
        .filter((line) => line.includes('"heldOut"'))
        .map((line) => JSON.parse(line) as { readonly step: number; readonly loss: number })
    const all = await Promise.all([1, 2].map(evaluations))
    const best = all.map((its) => its.reduce((least, one) => (one.loss < least.loss ? one : least)))
    // In one trial the best is not the last, or nothing is shown.
    expect(best.some(({ step }) => step < 12)).toBe(true)
    expect(whole.trials.map(({ step }) => step)).toEqual(best.map(({ step }) => step))
    expect(whole.trials.map(({ splits }) => splits.dev)).toMatchObject(best.map(({ loss }) => ({ loss })))
  })

  it('are one document of JSON: every report, the arithmetic of each, and the summary', async () => {
    const { reports, complete, ...kept } = whole
    expect(complete).toBe(true)
    expect(kept).toEqual(await there.json('whole', 'results.json'))
    const { splits } = whole
    expect(splits.dev.loss.trials).toBe(2)
    const sizes = (await there.json('model', 'config.json')) as Readonly<Record<string, number>>
    const size = {
      ...{ hiddenSize: sizes.hidden_size, embeddingSize: sizes.embedding_size, layers: sizes.num_hidden_layers },
      ...{ heads: sizes.num_attention_heads, feedForwardSize: sizes.intermediate_size },
      ...{ vocabSize: sizes.vocab_size, typeVocabSize: sizes.type_vocab_size }
    }
    const step = 2 * 4 * forwardCount({ role: 'model', size, positions: 8, outputs: [] }).total
    for (const { compute } of reports) {
      expect(compute).toMatchObject({ published: { step, run: 12 * step }, batchSize: 4 })
      expect(compute.executed.run).toBe(12 * compute.executed.step)
    }
  })

  it('begin anew where a kill has left no checkpoint', async () => {
    const running = start(...command('early', '--trials', '1'))
    const lock = there.at('early', 'trial-1', 'checkpoints', '.lock')
    await vi.waitUntil(() => existsSync(lock), { timeout: 60_000, interval: 5 })
    running.child.kill('SIGKILL')
    await running.ended
    const again = await pureElectra(...command('early', '--trials', '1', '--resume', '--json'))
    expect(again.code, again.stderr).toBe(0)
    expect(hashesOf(documentOf(again))).toEqual(hashesOf(whole).slice(0, 1))
  })

  it('go on after a kill with the right one, as it was carried out, to the same bits', async () => {
    const running = start(
      ...command('killed', '--matmul', 'own', '--workers', '2', '--checkpoint-every', '3', '--keep', '2')
    )
    await new Promise<void>((settle) => {
      let heard = ''
      running.child.stderr?.on('data', (chunk: Buffer) => {
        heard += chunk.toString()
        if (/trial 2 of 2[^]*saved /.test(heard)) settle()
      })
    })
    running.child.kill('SIGKILL')
    await running.ended
    const again = await pureElectra(...command('killed', '--resume', '--json'))
    const resumed = documentOf(again)
    expect(again.stderr).not.toContain('trial 1 of 2')
    expect(again.stderr).toContain('trial 2 of 2, seed 2')
    expect(again.stderr).toContain('2 workers on wasm')
    expect(hashesOf(resumed)).toEqual(hashesOf(whole))
    expect(resumed.trials).toEqual(whole.trials)
    expect(await there.json('killed', 'trial-2', 'run.json')).toMatchObject({
      ...{ checkpointEvery: 3, keepCheckpoints: 2 },
      startedFrom: [there.at('model')]
    })
    for (const file of ['dev.tsv', 'test.tsv'])
      expect(await there.text('killed', 'trial-2', 'predictions', file)).toBe(
        await there.text('whole', 'trial-2', 'predictions', file)
      )
  }, 120_000)
})

describe('a regression', () => {
  it('is reported by both correlations, which are those of the predictions that it writes', async () => {
    const { trials } = documentOf(await pureElectra(...regression(there, 'scored', '--epochs', '8', '--json')))
    const dev = trials[0].splits.dev as Readonly<Record<string, number>>
    expect(Object.keys(dev)).toEqual(['loss', 'spearman', 'pearson', 'mse'])
    const second = (text: string, separator: string): ReadonlyArray<number> =>
      text
        .trimEnd()
        .split('\n')
        .slice(1)
        .map((line) => Number(line.split(separator)[1]))
    const labels = second(await there.text('scored-dev.csv'), ',')
    const predictions = second(await there.text('scored', 'trial-1', 'predictions', 'dev.tsv'), '\t')
    const judged = labels.map((label, i) => ({ label, prediction: predictions[i] }))
    // Three digits are written.
    expect(dev.pearson).toBeCloseTo(pearson(judged), 1)
    expect(dev.mse).toBeCloseTo(
      judged.reduce((sum, { label, prediction }) => sum + (label - prediction) ** 2, 0) / 7,
      2
    )
  }, 60_000)
})

describe('MNLI', () => {
  it('reports matched and mismatched dev, and predicts its test sets under the names of GLUE', async () => {
    const row = (i: number, label: string): string =>
      [...Array.from({ length: 8 }, (_, k) => String(k)), words[i % 6], words[(i * i) % 6], 'l1', label].join('\t')
    const labels = ['contradiction', 'entailment', 'neutral']
    const table = (n: number, isLabelled = true): string =>
      `${Array.from({ length: n + 1 }, (_, i) => row(i, isLabelled ? labels[i % 3] : '')).join('\n')}\n`
    await mkdir(there.at('MNLI'))
    const files = { train: 8, dev_matched: 6, dev_mismatched: 5, test_matched: 3 }
    for (const [name, n] of Object.entries(files))
      await writeFile(there.at('MNLI', `${name}.tsv`), table(n, !name.startsWith('test')))
    const { splits, trials } = documentOf(
      await pureElectra(
        ...['finetune', '--task', 'mnli', '--data', there.at('MNLI'), '--model', there.at('model'), '--json'],
        ...['--out', there.at('mnli'), '--batch-size', '4', '--sequence-length', '8', '--epochs', '1']
      )
    )
    expect(Object.keys(splits).sort()).toEqual(['dev', 'dev_mismatched'])
    // Of six and of five rows.
    const { dev, dev_mismatched: other } = trials[0].splits as Readonly<Record<string, { readonly accuracy: number }>>
    expect((dev.accuracy * 6) % 1).toBeCloseTo(0)
    expect((other.accuracy * 5) % 1).toBeCloseTo(0)
    const rowsOf = async (file: string) =>
      (await there.text('mnli', 'trial-1', 'predictions', file)).trimEnd().split('\n').length - 1
    expect(await Promise.all(['dev_matched.tsv', 'dev_mismatched.tsv', 'MNLI-m.tsv'].map(rowsOf))).toEqual([6, 5, 3])
  }, 60_000)
})
