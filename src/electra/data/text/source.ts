/**
 * The files that a corpus is made of, and what was left out of them.
 *
 * A path that is given is taken whatever its name; `-` is standard input. A directory stands for the text files in it, at
 * any depth, in the order of their paths by code point: those named `.txt`, `.jsonl` and `.ndjson`, and those without an
 * extension that begin as text, each also compressed (`.gz`). Everything else in it is left out and counted.
 */

import { isUtf8 } from 'node:buffer'
import type { Dirent } from 'node:fs'
import { open, readdir, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { unreadable, type CorpusError } from '../corpus-error.js'

/** `lines`: a sentence a line. `records`: a JSON object a line, with a document in a field of it. */
export type TextForm = 'lines' | 'records'

export type TextFile = {
  /** Where its bytes are. */
  readonly path: string
  /** What errors call it. */
  readonly shown: string
  /** The path below the input that named it: what a corpus records, the same on every machine. */
  readonly name: string
  /** As stored; 0 for a stream that has not been read. */
  readonly bytes: number
  readonly form: TextForm
  /** A pipe or standard input: it can be read once only. */
  readonly isStream: boolean
}

/** How many of something were left out, and where the first of them was. */
export type Skipped = { readonly why: string; readonly count: number; readonly first: string }

export type FoundText = { readonly files: ReadonlyArray<TextFile>; readonly skipped: ReadonlyArray<Skipped> }

/** Adds one to those that were left out for the same reason. */
export const skip = (skipped: ReadonlyArray<Skipped>, why: string, where: string): ReadonlyArray<Skipped> =>
  skipped.some((s) => s.why === why)
    ? skipped.map((s) => (s.why === why ? { ...s, count: s.count + 1 } : s))
    : [...skipped, { why, count: 1, first: where }]

export const standardInput = '-'

/**
 * The text files that the inputs stand for, in order. `hasField` says that a field of JSON lines was named: what does not say
 * by its name what it is, standard input included, is then JSON lines.
 */
export const findText =
  (inputs: ReadonlyArray<string>, hasField: boolean): TaskEither<CorpusError, FoundText> =>
  async () => {
    const unnamed: TextForm = hasField ? 'records' : 'lines'
    let all: FoundText = { files: [], skipped: [] }
    for (const input of inputs) {
      if (input === standardInput) {
        const shown = 'standard input'
        const file = { path: input, shown, name: input, bytes: 0, form: unnamed, isStream: true }
        all = { ...all, files: [...all.files, file] }
        continue
      }
      try {
        const found = await stat(input)
        const more = found.isDirectory()
          ? await textBelow(input, '', unnamed)
          : {
              files: [
                {
                  path: input,
                  shown: input,
                  name: basename(input),
                  bytes: found.isFile() ? found.size : 0,
                  form: formOf(input, unnamed) ?? unnamed,
                  isStream: !found.isFile()
                }
              ],
              skipped: []
            }
        all = { files: [...all.files, ...more.files], skipped: merged(all.skipped, more.skipped) }
      } catch (error) {
        return E.left(unreadable(input, error))
      }
    }
    return all.files.length === 0 ? E.left({ _tag: 'NoText', inputs, skipped: all.skipped }) : E.right(all)
  }

const merged = (a: ReadonlyArray<Skipped>, b: ReadonlyArray<Skipped>): ReadonlyArray<Skipped> => [
  ...a.map((x) => ({ ...x, count: x.count + (b.find(({ why }) => why === x.why)?.count ?? 0) })),
  ...b.filter(({ why }) => !a.some((x) => x.why === why))
]

/** By the name alone; `undefined` where it is another kind of file. */
const formOf = (name: string, unnamed: TextForm): TextForm | undefined => {
  const plain = basename(name).toLowerCase().replace(/\.gz$/, '')
  if (plain.endsWith('.txt')) return 'lines'
  if (/\.(jsonl|ndjson)$/.test(plain)) return 'records'
  return plain.includes('.') ? undefined : unnamed
}

const textBelow = async (directory: string, below: string, unnamed: TextForm): Promise<FoundText> => {
  const entries = await readdir(join(directory, below), { withFileTypes: true })
  const files: Array<TextFile> = []
  let skipped: ReadonlyArray<Skipped> = []
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const name = below === '' ? entry.name : `${below}/${entry.name}`
    const path = join(directory, name)
    if (entry.name.startsWith('.')) skipped = skip(skipped, 'hidden', path)
    else if (entry.isDirectory()) {
      const inner = await textBelow(directory, name, unnamed)
      for (const file of inner.files) files.push(file)
      skipped = merged(skipped, inner.skipped)
    } else {
      const found = await textFile(path, name, entry, unnamed)
      if (typeof found === 'string') skipped = skip(skipped, found, path)
      else files.push(found)
    }
  }
  return { files, skipped }
}

/** A file of a directory as text, or why it is none. */
const textFile = async (path: string, name: string, entry: Dirent, unnamed: TextForm): Promise<TextFile | string> => {
  const form = formOf(entry.name, unnamed)
  if (form === undefined) return `not text by their names (${/\.[^.]*$/.exec(entry.name)?.[0] ?? ''})`
  const found = entry.isFile() || entry.isSymbolicLink() ? await stat(path).catch(() => undefined) : undefined
  if (found === undefined || !found.isFile()) return 'no regular files'
  if (found.size === 0) return 'empty'
  const hasExtension = entry.name.includes('.')
  if (!hasExtension && !(await beginsAsText(path))) return 'without an extension and not UTF-8 text'
  return { path, shown: path, name, bytes: found.size, form, isStream: false }
}

const beginning = 4096

/** Whether the first bytes are UTF-8 without a NUL; the last character may be cut. */
const beginsAsText = async (path: string): Promise<boolean> => {
  const handle = await open(path, 'r')
  try {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(beginning), 0, beginning, 0)
    const start = buffer.subarray(0, bytesRead)
    const longestTail = bytesRead < beginning ? 0 : 3
    return (
      !start.includes(0) &&
      Array.from({ length: longestTail + 1 }, (_, cut) => isUtf8(start.subarray(0, bytesRead - cut))).some(Boolean)
    )
  } finally {
    await handle.close()
  }
}
