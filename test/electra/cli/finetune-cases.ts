/** A tiny encoder and tiny tables, and the command that learns from them. */

import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { remove, temporary } from '../training/runs.js'

export const words = ['red', 'green', 'blue', 'one', 'two', 'many']

/** `n` rows of two words, of which every second one is even. */
const table = (n: number, from: number): string =>
  `text,label\n${Array.from({ length: n }, (_, i) => `${words[(from + i) % 6]} ${words[(i * i + from) % 6]},${i % 2 === 0 ? 'even' : 'odd'}\n`).join('')}`

/** The same texts with numbers. */
const scores = (n: number, from: number): string =>
  `text,score\n${Array.from({ length: n }, (_, i) => `${words[(from + i) % 6]} ${words[(i * i + from) % 6]},${(from + i) % 6}.5\n`).join('')}`

export type Place = {
  /** A path in the directory. */
  readonly at: (...names: ReadonlyArray<string>) => string
  readonly json: (...names: ReadonlyArray<string>) => Promise<unknown>
  readonly text: (...names: ReadonlyArray<string>) => Promise<string>
  readonly remove: () => Promise<void>
}

/** A directory with `model`, `train.csv`, `dev.csv`, `test.csv`, and the same of a regression behind `scored-`. */
export const place = async (): Promise<Place> => {
  const directory = await temporary()
  const at = (...names: ReadonlyArray<string>): string => join(directory, ...names)
  const text = (...names: ReadonlyArray<string>): Promise<string> => readFile(at(...names), 'utf8')
  const json = async (...names: ReadonlyArray<string>): Promise<unknown> => JSON.parse(await text(...names))
  await cp('test/fixtures/task-heads/classification', at('model'), { recursive: true })
  const { vocab_size: size } = (await json('model', 'config.json')) as { readonly vocab_size: number }
  const pieces = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', ...words].slice(0, size)
  await writeFile(at('model', 'vocab.txt'), pieces.map((piece) => `${piece}\n`).join(''))
  await writeFile(at('train.csv'), table(10, 0))
  await writeFile(at('dev.csv'), table(7, 2))
  await writeFile(at('test.csv'), 'text\nred\nmany\n')
  await writeFile(at('scored-train.csv'), scores(10, 0))
  await writeFile(at('scored-dev.csv'), scores(7, 2))
  return { at, text, json, remove: () => remove(directory) }
}

const short = ['--batch-size', '4', '--sequence-length', '8']

/** Learns classes into `out`, by default in one epoch. */
export const classes = ({ at }: Place, out: string, ...more: ReadonlyArray<string>): ReadonlyArray<string> => [
  ...['finetune', '--task', 'sentence', '--train', at('train.csv'), '--dev', at('dev.csv'), '--test', at('test.csv')],
  ...['--text-a', 'text', '--label', 'label', '--out', at(out), ...short],
  ...(more.includes('--model') ? [] : ['--model', at('model')]),
  ...(more.includes('--epochs') ? [] : ['--epochs', '1']),
  ...more
]

/** The same with numbers. */
export const regression = ({ at }: Place, out: string, ...more: ReadonlyArray<string>): ReadonlyArray<string> => [
  ...['finetune', '--task', 'sentence', '--train', at('scored-train.csv'), '--dev', at('scored-dev.csv')],
  ...['--text-a', 'text', '--label', 'score', '--regression', '--out', at(out), ...short],
  ...(more.includes('--model') ? [] : ['--model', at('model')]),
  ...(more.includes('--epochs') ? [] : ['--epochs', '1']),
  ...more
]

export type Results = {
  readonly trials: ReadonlyArray<{ readonly seed: number; readonly splits: Readonly<Record<string, object>> }>
  readonly splits: Readonly<
    Record<string, Readonly<Record<string, { readonly trials: number; readonly median: number }>>>
  >
}
