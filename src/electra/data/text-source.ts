/**
 * Text files as lines, read in bounded memory.
 *
 * A file is taken whatever its name. A directory stands for the `.txt` and `.txt.gz` files in it, at any depth, hidden
 * ones left out, in the order of their paths by code point. Names that end in `.gz` are decompressed.
 */

import { isUtf8 } from 'node:buffer'
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { systemReasonOf, unreadable, type CorpusError } from './corpus-error.js'

/** The longest line that is read as text, in bytes. */
export const longestLine = 2 ** 20

export type TextFile = {
  readonly path: string
  /** The path below the input that named it: what a corpus records, the same on every machine. */
  readonly name: string
  /** As stored. */
  readonly bytes: number
}

/** The text files that the inputs stand for, in order. */
export const findText =
  (inputs: ReadonlyArray<string>): TaskEither<CorpusError, ReadonlyArray<TextFile>> =>
  async () => {
    const files: Array<TextFile> = []
    for (const input of inputs) {
      try {
        const found = await stat(input)
        if (found.isDirectory()) files.push(...(await textBelow(input, '')))
        else files.push({ path: input, name: basename(input), bytes: found.size })
      } catch (error) {
        return E.left(unreadable(input, error))
      }
    }
    return files.length === 0 ? E.left({ _tag: 'NoText', inputs }) : E.right(files)
  }

const textBelow = async (directory: string, below: string): Promise<ReadonlyArray<TextFile>> => {
  const entries = await readdir(join(directory, below), { withFileTypes: true })
  const files: Array<TextFile> = []
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (entry.name.startsWith('.')) continue
    const name = below === '' ? entry.name : `${below}/${entry.name}`
    if (entry.isDirectory()) files.push(...(await textBelow(directory, name)))
    else if (/\.txt(\.gz)?$/.test(entry.name)) {
      const found = await stat(join(directory, name))
      if (found.isFile()) files.push({ path: join(directory, name), name, bytes: found.size })
    }
  }
  return files
}

/**
 * Hands the lines of a file, in groups, to `use`; the next group waits until `use` has settled.
 *
 * Gives the sha256 of the file as stored. Lines end at a line feed; a carriage return before it is left to the caller.
 * Fails at the first NUL byte, invalid UTF-8 or over-long line, and with whatever `use` fails.
 */
export const readLines =
  (file: TextFile, onBytes: (bytes: number) => void) =>
  (use: (lines: ReadonlyArray<string>) => TaskEither<CorpusError, void>): TaskEither<CorpusError, string> =>
  async () => {
    const hash = createHash('sha256')
    const splitter = lineSplitter(file.path)
    try {
      for await (const chunk of textStream(file, (stored) => {
        hash.update(stored)
        onBytes(stored.length)
      })) {
        const lines = splitter.push(chunk)
        if (E.isLeft(lines)) return lines
        const used = await use(lines.right)()
        if (E.isLeft(used)) return used
      }
    } catch (error) {
      return E.left({ _tag: 'UnreadableFile', path: file.path, reason: systemReasonOf(error) })
    }
    const rest = splitter.end()
    if (E.isLeft(rest)) return rest
    const used = await use(rest.right)()
    return E.isLeft(used) ? used : E.right(hash.digest('hex'))
  }

const chunkBytes = 2 ** 18

const textStream = (file: TextFile, onStored: (chunk: Buffer) => void): AsyncIterable<Buffer> => {
  const stored = watched(createReadStream(file.path, { highWaterMark: chunkBytes }), onStored)
  // A failure of either side reaches the reader of the result, so the pipeline has nobody else to tell.
  return file.path.endsWith('.gz') ? pipeline(stored, createGunzip({ chunkSize: chunkBytes }), () => undefined) : stored
}

const watched = async function* (chunks: AsyncIterable<Buffer>, see: (chunk: Buffer) => void) {
  for await (const chunk of chunks) {
    see(chunk)
    yield chunk
  }
}

/** Cuts chunks of bytes into decoded lines. The answer does not depend on where the chunks are cut. */
export const lineSplitter = (path: string) => {
  let pending: Array<Buffer> = []
  let pendingBytes = 0
  let line = 1
  let offset = 0

  const take = (bytes: Buffer): Either<CorpusError, string> => {
    if (bytes.length > longestLine) return tooLong()
    const nul = bytes.indexOf(0)
    if (nul !== -1) return malformed(nul, 'a NUL byte')
    if (!isUtf8(bytes)) return malformed(firstInvalid(bytes), 'bytes that are not UTF-8')
    line += 1
    offset += bytes.length + 1
    return E.right(bytes.toString('utf8'))
  }
  const tooLong = () => E.left<CorpusError>({ _tag: 'LineTooLong', path, line, limit: longestLine })
  const malformed = (at: number, found: string) =>
    E.left<CorpusError>({ _tag: 'MalformedText', path, line, offset: offset + at, found })

  return {
    push: (chunk: Buffer): Either<CorpusError, ReadonlyArray<string>> => {
      const lines: Array<string> = []
      let start = 0
      for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
        const rest = chunk.subarray(start, end)
        const text = take(pendingBytes === 0 ? rest : Buffer.concat([...pending, rest]))
        if (E.isLeft(text)) return text
        lines.push(text.right)
        pending = []
        pendingBytes = 0
        start = end + 1
      }
      if (start < chunk.length) {
        pending.push(chunk.subarray(start))
        pendingBytes += chunk.length - start
        if (pendingBytes > longestLine) return tooLong()
      }
      return E.right(lines)
    },
    /** The last line, if the file does not end in a line feed. */
    end: (): Either<CorpusError, ReadonlyArray<string>> => {
      if (pendingBytes === 0) return E.right([])
      const text = take(Buffer.concat(pending))
      return E.isLeft(text) ? text : E.right([text.right])
    }
  }
}

/** Where invalid UTF-8 first shows. */
const firstInvalid = (bytes: Buffer): number => {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  for (let at = 0; at < bytes.length; at++) {
    try {
      decoder.decode(bytes.subarray(at, at + 1), { stream: true })
    } catch {
      return at
    }
  }
  return bytes.length
}
