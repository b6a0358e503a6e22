/**
 * The bytes of a text file as lines, in bounded memory.
 *
 * A line ends at a line feed, a carriage return, or the two together. What begins as gzip does is decompressed, whatever
 * its name. The answer does not depend on where the bytes are cut into chunks.
 */

import { isUtf8 } from 'node:buffer'
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream'
import { pipeline as piped } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { systemReasonOf } from '../../system-error.js'
import { unreadable, type CorpusError } from '../corpus-error.js'
import { standardInput, type TextFile } from './source.js'

/** The longest line that is read as text, in bytes. A record may hold a whole book. */
export const longestLine = { lines: 2 ** 20, records: 2 ** 27 } as const

const chunkBytes = 2 ** 18

/**
 * Hands the lines of a file, in groups, to `use`; the next group waits until `use` has settled.
 *
 * Gives the sha256 of the file as stored. Fails at the first NUL byte, invalid UTF-8 or over-long line, and with whatever
 * `use` fails.
 */
export const readLines =
  (file: TextFile, onBytes: (bytes: number) => void) =>
  (use: (lines: ReadonlyArray<string>) => TaskEither<CorpusError, void>): TaskEither<CorpusError, string> =>
  async () => {
    const hash = createHash('sha256')
    const splitter = lineSplitter(file.shown, longestLine[file.form])
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
      return E.left({ _tag: 'UnreadableFile', path: file.shown, reason: systemReasonOf(error) })
    }
    const rest = splitter.end()
    if (E.isLeft(rest)) return rest
    const used = await use(rest.right)()
    return E.isLeft(used) ? used : E.right(hash.digest('hex'))
  }

/** No UTF-8 text begins like this. */
const gzipMagic = Buffer.from([0x1f, 0x8b])

const textStream = async function* (file: TextFile, onStored: (chunk: Buffer) => void): AsyncGenerator<Buffer> {
  const stored = watched(createReadStream(file.path, { highWaterMark: chunkBytes }), onStored)
  const first = await stored.next()
  if (first.done === true) return
  const whole = followed(first.value, stored)
  const isCompressed = file.shown.endsWith('.gz') || first.value.subarray(0, 2).equals(gzipMagic)
  // A failure of either side reaches the reader of the result, so the pipeline has nobody else to tell.
  if (isCompressed) yield* pipeline(whole, createGunzip({ chunkSize: chunkBytes }), () => undefined)
  else yield* whole
}

const watched = async function* (chunks: AsyncIterable<Buffer>, see: (chunk: Buffer) => void): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    see(chunk)
    yield chunk
  }
}

const followed = async function* (first: Buffer, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield first
  yield* rest
}

/** Copies what can be read once only into `directory`, so that it can be read again. */
export const spool =
  (files: ReadonlyArray<TextFile>, directory: string): TaskEither<CorpusError, ReadonlyArray<TextFile>> =>
  async () => {
    const spooled: Array<TextFile> = []
    for (const [i, file] of files.entries()) {
      if (!file.isStream) {
        spooled.push(file)
        continue
      }
      const path = join(directory, `spooled-${i}`)
      try {
        await piped(
          file.path === standardInput ? process.stdin : createReadStream(file.path, { highWaterMark: chunkBytes }),
          createWriteStream(path)
        )
        spooled.push({ ...file, path, bytes: (await stat(path)).size, isStream: false })
      } catch (error) {
        return E.left(unreadable(file.shown, error))
      }
    }
    return E.right(spooled)
  }

const [lineFeed, carriageReturn] = [10, 13]

/** Cuts chunks of bytes into decoded lines of at most `longest` bytes. */
export const lineSplitter = (path: string, longest: number) => {
  let pending: Array<Buffer> = []
  let pendingBytes = 0
  let line = 1
  let offset = 0
  /** A carriage return ended the line before: a line feed that follows belongs to it. */
  let isAfterReturn = false

  const take = (bytes: Buffer): Either<CorpusError, string> => {
    if (bytes.length > longest) return tooLong()
    const nul = bytes.indexOf(0)
    if (nul !== -1) return malformed(nul, 'a NUL byte')
    if (!isUtf8(bytes)) return malformed(firstInvalid(bytes), 'bytes that are not UTF-8')
    line += 1
    offset += bytes.length + 1
    return E.right(bytes.toString('utf8'))
  }
  const tooLong = () => E.left<CorpusError>({ _tag: 'LineTooLong', path, line, limit: longest })
  const malformed = (at: number, found: string) =>
    E.left<CorpusError>({ _tag: 'MalformedText', path, line, offset: offset + at, found })

  return {
    push: (chunk: Buffer): Either<CorpusError, ReadonlyArray<string>> => {
      const lines: Array<string> = []
      let start = 0
      let [feed, carriage] = [chunk.indexOf(lineFeed), chunk.indexOf(carriageReturn)]
      for (;;) {
        if (isAfterReturn && start < chunk.length) {
          isAfterReturn = false
          if (chunk[start] === lineFeed) {
            start += 1
            offset += 1
          }
        }
        if (feed !== -1 && feed < start) feed = chunk.indexOf(lineFeed, start)
        if (carriage !== -1 && carriage < start) carriage = chunk.indexOf(carriageReturn, start)
        const end = feed === -1 ? carriage : carriage === -1 ? feed : Math.min(feed, carriage)
        if (end === -1) break
        const rest = chunk.subarray(start, end)
        const text = take(pendingBytes === 0 ? rest : Buffer.concat([...pending, rest]))
        if (E.isLeft(text)) return text
        lines.push(text.right)
        pending = []
        pendingBytes = 0
        start = end + 1
        isAfterReturn = end === carriage
      }
      if (start < chunk.length) {
        pending.push(chunk.subarray(start))
        pendingBytes += chunk.length - start
        if (pendingBytes > longest) return tooLong()
      }
      return E.right(lines)
    },
    /** The last line, if the file does not end in a line's end. */
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
