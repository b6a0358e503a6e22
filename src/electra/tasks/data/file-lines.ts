/**
 * The lines of a data set's file, compressed or not, as the readers of corpora read them: strict UTF-8, in bounded memory, and
 * never waiting for what is no file.
 */

import { stat } from 'node:fs/promises'
import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { showCorpusError, type CorpusError } from '../../data/corpus-error.js'
import { readLines } from '../../data/text/lines.js'
import { systemReasonOf } from '../../system-error.js'
import type { TaskDataError } from './data-error.js'

/** How much of a file is read: more than any data set that fits into memory has. Characters are those of its text. */
export type FileLimits = { readonly characters: number; readonly lines: number }

export const fileLimits: FileLimits = { characters: 2 ** 31, lines: 2 ** 24 }

/** Of a file that is read whole, as one text. */
export const wholeFileLimits: FileLimits = { characters: 2 ** 27, lines: 2 ** 24 }

const byteOrderMark = /^\uFEFF/

/**
 * Hands each line to `use`, numbered from 1, without its end and without a byte order mark before the first.
 *
 * A line ends at a line feed, a carriage return or the two together, and at no other character of Unicode.
 */
export const eachLine =
  (path: string, limits: FileLimits = fileLimits) =>
  (use: (text: string, line: number) => Either<TaskDataError, void>): TaskEither<TaskDataError, void> =>
  async () => {
    const unreadable = (reason: string) => E.left<TaskDataError>({ _tag: 'UnreadableData', path, reason })
    try {
      if (!(await stat(path)).isFile()) return unreadable('found something that is no file, expected a file')
    } catch (error) {
      return unreadable(systemReasonOf(error))
    }
    let [line, characters] = [0, 0]
    let problem: TaskDataError | undefined
    const file = { path, shown: path, name: path, bytes: 0, form: 'records' as const, isStream: false }
    const read = await readLines(
      file,
      () => undefined
    )((lines) => () => {
      for (const text of lines) {
        line += 1
        characters += text.length + 1
        if (line > limits.lines) problem = { _tag: 'TooMuchData', path, limit: `${limits.lines} lines` }
        else if (characters > limits.characters)
          problem = { _tag: 'TooMuchData', path, limit: `${limits.characters} characters` }
        else {
          const used = use(line === 1 ? text.replace(byteOrderMark, '') : text, line)
          if (E.isLeft(used)) problem = used.left
        }
        // What ends the reading is told by `problem`: a reader of lines knows the errors of corpora only.
        if (problem !== undefined) return Promise.resolve(E.left(stopped(path)))
      }
      return Promise.resolve(E.right(undefined))
    })()
    if (problem !== undefined) return E.left(problem)
    return E.isLeft(read) ? unreadable(showReading(read.left)) : E.right(undefined)
  }

const stopped = (path: string): CorpusError => ({ _tag: 'UnreadableFile', path, reason: 'stopped' })

const showReading = (e: CorpusError): string => {
  switch (e._tag) {
    case 'UnreadableFile':
      return e.reason
    case 'MalformedText':
      return `line ${e.line}, byte ${e.offset}: found ${e.found}, expected UTF-8 text`
    case 'LineTooLong':
      return `line ${e.line} is longer than ${e.limit} bytes`
    // What a corpus has besides, which no file of lines has.
    case 'DamagedCorpus':
    case 'MalformedRecord':
    case 'MalformedVocabulary':
    case 'NoCorpus':
    case 'NoText':
    case 'OutputExists':
    case 'TokenizerFailed':
    case 'UnusableVocabulary':
    case 'VocabularySize':
    case 'WriteFailed':
      return showCorpusError(e)
  }
}

/** The whole text of a file, its line ends as line feeds. */
export const wholeText =
  (path: string): TaskEither<TaskDataError, string> =>
  async () => {
    const lines: Array<string> = []
    const read = await eachLine(
      path,
      wholeFileLimits
    )((text) => {
      lines.push(text)
      return E.right(undefined)
    })()
    return E.isLeft(read) ? read : E.right(lines.join('\n'))
  }
