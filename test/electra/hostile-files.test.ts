/**
 * Every file that is read, where something else has its name: a pipe that nobody writes to, a file larger than any disk, a directory,
 * brackets without end. Each is one short error, and none of them is waited for or taken into memory.
 */

import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { predict } from '../../src/electra/cli/commands/predict.js'
import { loadConfig } from '../../src/electra/cli/load-config.js'
import { buildCorpus, defaultRecipe } from '../../src/electra/data/corpus/builder.js'
import { openCorpus } from '../../src/electra/data/corpus/corpus.js'
import { showCorpusError } from '../../src/electra/data/corpus-error.js'
import { loadCheckpoint, saveCheckpoint } from '../../src/electra/store/checkpoints/checkpoint.js'
import { showStoreError } from '../../src/electra/store/errors.js'
import { readTokenizerFiles } from '../../src/electra/store/models/hf-tokenizer-files.js'
import { importModel } from '../../src/electra/store/models/model-files.js'
import { metricsFile } from '../../src/electra/training/metrics-file.js'
import { readRecord } from '../../src/electra/training/run-record.js'
import { decode, showSafetensorsError } from '../../src/tensor/safetensors.js'
import { left, rightOf } from './data/right.js'
import { checkpointOf } from './store/checkpoints/checkpoint-cases.js'
import { corpusIn, remove, temporary, textOf } from './training/runs.js'

let directory = ''
const at = (...names: ReadonlyArray<string>): string => join(directory, ...names)

const fixtures = fileURLToPath(new URL('../fixtures/transformers', import.meta.url))

/** What is wrong, in words; nothing where nothing is. */
type Reading = TE.TaskEither<string, unknown>

const shown = <E>(show: (e: E) => string, reading: TE.TaskEither<E, unknown>): Reading => TE.mapLeft(show)(reading)

const silent = {
  ...{ say: () => undefined, json: () => undefined, note: () => undefined },
  ...{ isJson: true, isInteractive: false }
}

const model = (name: string) => (): Reading =>
  pipe(
    shown(showStoreError, importModel(at(name), 'discriminator')),
    TE.chain(() => shown(showStoreError, readTokenizerFiles(at(name))))
  )

const corpus = (): Reading => shown(showCorpusError, openCorpus(at('text.corpus')))

const checkpoint = (): Reading => shown(showStoreError, loadCheckpoint(at('checkpoint-00000010')))

const vocabulary = (path: string) => (): Reading =>
  shown(
    showCorpusError,
    buildCorpus({
      ...defaultRecipe,
      ...{ inputs: [at('text.txt')], out: at('out'), vocabulary: { _tag: 'given', path: at(path) } }
    })
  )

const predicting = (): Reading =>
  shown(
    ({ message }) => message,
    predict(
      ['The cat sings.'],
      { ...{ model: at('run'), mark: 2, device: 'wasm', matmul: 'own', relaxedSimd: false } },
      silent
    )
  )

/** The files, where they are, and who reads them. */
const files: ReadonlyArray<readonly [string, () => Reading]> = [
  ['config.json', () => shown(({ message }) => message, loadConfig(at('config.json')))],
  ...['state.json', 'model.safetensors', 'optimizer.safetensors'].map(
    (name) => [`checkpoint-00000010/${name}`, checkpoint] as const
  ),
  ...['corpus.json', 'vocab.txt', 'tokenizer.json', 'train.bin', 'heldout.bin'].map(
    (name) => [`text.corpus/${name}`, corpus] as const
  ),
  ...['config.json', 'model.safetensors', 'vocab.txt', 'tokenizer_config.json', 'added_tokens.json'].map(
    (name) => [`older/${name}`, model('older')] as const
  ),
  ...['model.safetensors.index.json', 'model-00002-of-00003.safetensors', 'tokenizer.json'].map(
    (name) => [`sharded/${name}`, model('sharded')] as const
  ),
  ['run.json', () => shown(showStoreError, readRecord(directory))],
  ['metrics.jsonl', () => shown(showStoreError, metricsFile(directory, { step: 1, owesEvaluation: false }))],
  ...['run/report.json', 'run/config.json'].map((file) => [file, predicting] as const),
  ['given.txt', vocabulary('given.txt')],
  ['given.json', vocabulary('given.json')]
]

beforeAll(async () => {
  directory = await temporary()
  await corpusIn(directory, 'text', textOf(52))
  for (const name of ['older', 'sharded']) cpSync(join(fixtures, name), at(name), { recursive: true })
  await rightOf(saveCheckpoint(directory, checkpointOf(10), { keep: 1 }))
  mkdirSync(at('run', 'checkpoints'), { recursive: true })
  writeFileSync(at('run', 'config.json'), '{ "extends": "nano" }')
  cpSync(join(fixtures, 'older'), at('run', 'model', 'discriminator'), { recursive: true })
})
afterAll(() => remove(directory))

/** What is said of a file in whose place `put` puts another thing. */
const saying = async (file: string, read: () => Reading, put: (path: string) => unknown): Promise<string> => {
  const [path, aside] = [at(file), at('aside')]
  rmSync(aside, { recursive: true, force: true })
  try {
    cpSync(path, aside)
  } catch {
    // Nothing has to be there.
  }
  rmSync(path, { recursive: true, force: true })
  try {
    put(path)
    return left(await read()())
  } finally {
    rmSync(path, { recursive: true, force: true })
    try {
      cpSync(aside, path)
    } catch {
      // As before.
    }
  }
}

const expectShort = (text: string, file: string): void => {
  expect(text).toContain(file.split('/').at(-1))
  expect(text.split('\n').length).toBeLessThanOrEqual(12)
  expect(text.length).toBeLessThan(2000)
}

/** More than any disk has. */
const tooLarge = 2 ** 40

describe('the place of a file that is read', () => {
  it.each(files)('%s may be taken by a pipe', async (file, read) => {
    const text = await saying(file, read, (path) => execFileSync('mkfifo', [path]))
    expectShort(text, file)
    expect(text).toMatch(/found a named pipe, expected a file/)
  })

  it.each(files)('%s may be taken by a directory', async (file, read) => {
    const text = await saying(file, read, mkdirSync)
    expectShort(text, file)
    expect(text).toMatch(/found a directory, expected a file/)
  })

  it.each(files)('%s may be taken by more than any disk has', async (file, read) => {
    const text = await saying(file, read, (path) => {
      writeFileSync(path, '')
      truncateSync(path, tooLarge)
    })
    expectShort(text, file)
    // Weights without a manifest and the metrics of long runs may be as large as memory is.
    if (!/^(older|sharded)\/model.*rs$|metrics/.test(file)) expect(text).toContain(`found ${tooLarge} bytes, expected`)
  })

  // As many brackets as fit into any of the limits that are small, and text enough for those that are not.
  it.each(files.filter(([file]) => file !== 'metrics.jsonl'))('%s may be taken by brackets', async (file, read) => {
    for (const text of [`[${'{},'.repeat(300_000)}{}]`, '['.repeat(200_001)]) {
      const said = await saying(file, read, (path) => writeFileSync(path, text))
      expectShort(said, file)
      // Before they are made objects, where the limit of the size leaves room for many.
      if (/corpus\.json|tokenizer\.json|given\.json/.test(file) && !/text.*tokenizer/.test(file))
        expect(said).toContain('brackets')
    }
  })

  // Those of transformers that may hold anything beside what is read.
  const open = /tokenizer_config|added_tokens/
  it.each(files.filter(([file]) => file.endsWith('.json') && !open.test(file)))(
    '%s may be taken by 200,000 keys',
    async (file, read) => {
      const text = JSON.stringify(Object.fromEntries(Array.from({ length: 200_000 }, (_, i) => [`key${i}`, i])))
      expectShort(await saying(file, read, (path) => writeFileSync(path, text)), file)
    }
  )
})

describe('a safetensors header', () => {
  const fileOf = (header: Uint8Array): Uint8Array => {
    const bytes = new Uint8Array(8 + header.length)
    new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true)
    bytes.set(header, 8)
    return bytes
  }

  it('of brackets is refused before it is text', () => {
    const header = new TextEncoder().encode(`{"a":[${'{},'.repeat(600_000)}{}]}`)
    // Neither text nor JSON is made of it: what is no UTF-8 is not noticed.
    header[header.length - 5] = 0xff
    expect(showSafetensorsError(left(decode(fileOf(header))))).toBe(
      'the header: found more brackets than any model has, expected at most 200000 tensors'
    )
  })
})
