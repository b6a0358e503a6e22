/** What finetune says of what it cannot work with: one sentence, before anything is written. */

import { mkdir, readdir, writeFile } from 'node:fs/promises'
import * as E from 'fp-ts/lib/Either.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { finetune } from '../../../src/electra/cli/commands/finetune.js'
import type { FinetuneOptions } from '../../../src/electra/cli/finetuning/options.js'
import { expectFailure, pureElectra } from './cli.js'
import { place, type Place } from './finetune-cases.js'

let there: Place
beforeAll(async () => {
  there = await place()
  const tables = {
    'strange.csv': 'text,label\nred,even\nblue,purple\n',
    'header.csv': 'text,label\n',
    'empty.csv': '',
    'single.csv': 'text,label\nred,even\nblue,even\n',
    'short.csv': 'text,label\nred\n'
  }
  for (const [name, text] of Object.entries(tables)) await writeFile(there.at(name), text)
  await mkdir(there.at('tuned', 'trial-1'), { recursive: true })
})
afterAll(() => there.remove())

const silent = {
  say: () => undefined,
  json: () => undefined,
  note: () => undefined,
  isJson: false,
  isInteractive: false
}

type Paths = Partial<Record<'train' | 'dev' | 'model', string>>

/** The code and the sentence, with paths shortened. */
const said = async (
  { train = 'train.csv', dev = 'dev.csv', model = 'model' }: Paths,
  more: Partial<FinetuneOptions>
) => {
  const ended = await finetune(
    {
      ...{ task: 'sentence', textA: 'text', label: 'label', regression: false, fromScratch: false, resume: false },
      ...{ train: there.at(train), dev: there.at(dev), model: there.at(model), out: there.at('out') },
      ...{ head: 'official', checkpoint: 'last', allowOtherBits: false, trials: 1, seed: 1, sequenceLength: 8 },
      ...more
    },
    silent
  )()
  if (E.isRight(ended)) throw new Error('succeeded where it should fail')
  const { exit, message } = ended.left
  return [exit, message.replaceAll(there.at('x').slice(0, -1), '')]
}

const cases: ReadonlyArray<readonly [string, Paths, Partial<FinetuneOptions>, 1 | 2, string]> = [
  [
    'a column is missing',
    {},
    { label: 'class' },
    1,
    'train.csv, line 1: found the columns "text", "label", expected a column called "class"'
  ],
  [
    'dev has a label of its own',
    { dev: 'strange.csv' },
    {},
    1,
    'strange.csv, line 3: found the label "purple", expected a label that is one of "even", "odd"; correct it, or remove it'
  ],
  [
    'a row is too short',
    { train: 'short.csv' },
    {},
    1,
    'short.csv, line 2: found 1 column, expected a column 2; correct it, or remove it'
  ],
  ['a table has a header alone', { dev: 'header.csv' }, {}, 1, 'header.csv: found no examples, expected one or more'],
  ['a file is empty', { train: 'empty.csv' }, {}, 1, 'empty.csv: found no examples, expected one or more'],
  [
    'there is one class',
    { train: 'single.csv' },
    {},
    1,
    'single.csv, labels: found "even" in every row, expected two classes or more; numbers are learnt with --regression'
  ],
  [
    'labels are no numbers',
    {},
    { regression: true },
    1,
    'train.csv, line 2: found the score "even", expected a number; correct it, or remove it'
  ],
  [
    'rows are too long',
    {},
    { sequenceLength: 33 },
    2,
    '--sequence-length: found 33, expected from 5, which a pair has, to 32, the positions of model'
  ],
  [
    'rows are too short',
    {},
    { sequenceLength: 4 },
    2,
    '--sequence-length: found 4, expected from 5, which a pair has, to 32, the positions of model'
  ],
  [
    'the model is all trials',
    { model: 'tuned' },
    {},
    1,
    'tuned: found the trials of a fine-tuning, expected the directory of one, as tuned/trial-1'
  ],
  [
    'there is no model',
    { model: 'nowhere' },
    {},
    1,
    "nowhere/config.json: could not read it: ENOENT: no such file or directory, open 'nowhere/config.json'"
  ],
  ['a table is not said', {}, { label: undefined }, 2, '--task sentence: expected --train, --dev, --text-a and --label']
]

describe('finetune says in one sentence that', () => {
  it.each(cases)('%s', async (_, paths, options, exit, message) => {
    expect(await said(paths, options)).toEqual([exit, message])
    expect(await readdir(there.at())).not.toContain('out')
  })

  it('dropout is no share', async () => {
    const ran = await pureElectra(
      'finetune',
      '--task',
      'rte',
      '--model',
      'm',
      '--out',
      there.at('out'),
      '--dropout',
      '1'
    )
    expectFailure(ran, 2, 'Expected a number from 0 to below 1.')
  })
})
