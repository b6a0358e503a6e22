/**
 * What the tests of training share: a small corpus of invented text, small configurations, and runs over them.
 */

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ElectraConfig } from '../../../src/electra/config/config.js'
import { resolveConfig } from '../../../src/electra/config/resolve.js'
import { buildCorpus, defaultRecipe } from '../../../src/electra/data/corpus/builder.js'
import { openCorpus, type Corpus } from '../../../src/electra/data/corpus/corpus.js'
import type { PretrainOptions } from '../../../src/electra/pretraining/pretrain.js'
import type { PoolOptions } from '../../../src/workers/index.js'
import { built } from '../../built.js'
import { right, rightOf } from '../data/right.js'

const words = 'the a cat dog bird tree river sings runs sleeps sees under over near old small green and'.split(' ')

/** Sentences of three to eleven words that repeat after none of the documents below. */
const sentence = (n: number): string =>
  Array.from({ length: 3 + (n % 9) }, (_, i) => words[(n * 7 + i * (1 + (n % 5)) + n * i * i) % words.length]).join(' ')

/** Documents of four sentences each: numbers 1, 51, ... are held out. */
export const textOf = (documents: number): string =>
  Array.from({ length: documents }, (_, d) =>
    Array.from({ length: 4 }, (_, s) => `${sentence(4 * d + s)}.\n`).join('')
  ).join('\n')

/** Builds the corpus of a text in `directory/name.corpus`. */
export const corpusIn = async (directory: string, name: string, text: string): Promise<Corpus> => {
  await mkdir(directory, { recursive: true })
  const [input, out] = [join(directory, `${name}.txt`), join(directory, `${name}.corpus`)]
  await writeFile(input, text)
  await rightOf(buildCorpus({ ...defaultRecipe, inputs: [input], out, vocabulary: { _tag: 'trained', size: 60 } }))
  return rightOf(openCorpus(out))
}

export const temporary = (): Promise<string> => mkdtemp(join(tmpdir(), 'pure-electra-training-'))

export const remove = (directory: string): Promise<void> => rm(directory, { recursive: true, force: true })

/** `nano`, changed. */
export const nano = (change: object = {}): ElectraConfig => right(resolveConfig({ extends: 'nano', ...change }))

/** Less than `nano`, where what matters is the run and not the model: half the time to make its programs. */
export const least = (change: object = {}): ElectraConfig => nano({ model: { layers: 1 }, ...change })

/** Threads start at the build; what they are sent comes from the sources. */
export const threads = (workers: number): PoolOptions => ({
  workers,
  choice: { device: 'wasm', matmul: 'own', floats: 'float32' },
  entry: built('workers/pool/thread.js')
})

/** Twelve steps with a checkpoint after every fourth. */
export const optionsOf = (corpus: Corpus, out: string, change: Partial<PretrainOptions> = {}): PretrainOptions => ({
  config: least(),
  corpus,
  seed: 1,
  totalSteps: 12,
  out,
  pool: threads(1),
  checkpointEvery: 4,
  keepCheckpoints: 2,
  resume: false,
  shouldStop: () => false,
  observe: () => undefined,
  ...change
})

/** Options of a run that is asked to stop once it has taken `steps` steps. */
export const stoppingAfter = (steps: number): Pick<PretrainOptions, 'shouldStop' | 'observe'> => {
  let taken = 0
  return {
    shouldStop: () => taken >= steps,
    observe: ({ _tag }) => {
      if (_tag === 'Stepped') taken++
    }
  }
}
