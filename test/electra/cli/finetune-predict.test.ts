/** `predict --data`: new rows for a model that was fine-tuned, through the built command line. */

import { mkdir, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { expectFailure, jsonLines, pureElectra } from './cli.js'
import { classes, place, words, type Place, type Results } from './finetune-cases.js'

let there: Place
beforeAll(async () => {
  there = await place()
  const ran = await pureElectra(...classes(there, 'own', '--epochs', '4'))
  expect(ran.code, ran.stderr).toBe(0)
}, 60_000)
afterAll(() => there.remove())

const predict = (model: string, data: string, ...more: ReadonlyArray<string>) =>
  pureElectra('predict', '--model', there.at(model), '--data', there.at(data), '--out', there.at('said'), ...more)

describe('predict --data', () => {
  it('writes of a table what the trial wrote, and scores it where it has labels', async () => {
    const ran = await predict('own/trial-1', 'dev.csv', '--text-a', 'text', '--label', 'label', '--json')
    const { trials } = (await there.json('own', 'results.json')) as Results
    const { loss: _, ...scores } = trials[0].splits.dev as Readonly<Record<string, number>>
    expect(jsonLines(ran)).toEqual([
      { task: 'sentence', rows: 7, report: scores, files: [there.at('said', 'predictions.tsv')] }
    ])
    const written = () => there.text('said', 'predictions.tsv')
    expect(await written()).toBe(await there.text('own', 'trial-1', 'predictions', 'dev.tsv'))
    const unlabelled = await predict('own/trial-1/model', 'test.csv', '--text-a', '0')
    expect(unlabelled.code, unlabelled.stderr).toBe(0)
    expect(await written()).toMatch(/^index\tprediction\n0\t(even|odd)\n/)
  }, 60_000)

  it('reads files of GLUE by their names, and writes what GLUE takes', async () => {
    const rows = (n: number, ...labels: ReadonlyArray<string>): string =>
      `index\ta\tb\tlabel\n${Array.from({ length: n }, (_, i) => `${[i, words[i % 6], words[(i * i) % 6], ...labels.slice(i % 2, (i % 2) + 1)].join('\t')}\n`).join('')}`
    await mkdir(there.at('RTE'))
    const labels = ['entailment', 'not_entailment']
    await writeFile(there.at('RTE', 'train.tsv'), rows(8, ...labels))
    await writeFile(there.at('RTE', 'dev.tsv'), rows(6, ...labels))
    await writeFile(there.at('RTE', 'test.tsv'), rows(5))
    const tuned = await pureElectra(
      ...[
        'finetune',
        '--task',
        'rte',
        '--data',
        there.at('RTE'),
        '--model',
        there.at('model'),
        '--head',
        'huggingface'
      ],
      ...['--out', there.at('rte'), '--batch-size', '4', '--sequence-length', '8', '--epochs', '1']
    )
    expect(tuned.code, tuned.stderr).toBe(0)
    const ran = await predict('rte/trial-1', 'RTE/test.tsv')
    expect(ran.code, ran.stderr).toBe(0)
    expect(await there.text('said', 'RTE.tsv')).toBe(await there.text('rte', 'trial-1', 'predictions', 'RTE.tsv'))
  }, 60_000)

  it('says in one sentence what does not fit', async () => {
    await Promise.all([
      predict('own/trial-1', 'dev.csv').then((ran) => {
        expectFailure(ran, 2, /--data: expected --text-a, the column of .*dev\.csv with the text/)
      }),
      predict('own/trial-1', 'dev.csv', '--task', 'squad').then((ran) => {
        expectFailure(ran, 1, /own\/trial-1: found a model with a head for Classification, expected one for Spans/)
      }),
      pureElectra('predict', '--model', there.at('own', 'trial-1'), 'red').then((ran) => {
        expectFailure(
          ran,
          1,
          /found a fine-tuned model, expected one with a discriminator; label a file by it with --data/
        )
      }),
      pureElectra('predict', '--model', there.at('own', 'trial-1')).then((ran) => {
        expectFailure(ran, 2, /found no sentence, expected one or more, or --data/)
      })
    ])
  }, 60_000)
})
