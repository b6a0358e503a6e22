/**
 * The documents of text files, sentence by sentence, as often as they are wanted.
 *
 * In a file of lines a sentence is a line, and a document ends at an empty line (where those separate documents) and at the
 * end of the file. In a file of records every record is a document, and the lines of its text are sentences.
 */

import { createHash } from 'node:crypto'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { CorpusError } from '../corpus-error.js'
import { textOfRecord } from './records.js'
import { readLines } from './lines.js'
import { skip, type Skipped, type TextFile } from './source.js'

export type DocumentRules = {
  /** Whether an empty line ends a document in a file of lines. */
  readonly blanksSeparateDocuments: boolean
  /** The field of a record that holds its text. */
  readonly field: string
  /** Whether a document that has been there before, to the letter, is left out. */
  readonly dedup: boolean
}

/** Documents are numbered from 0 across all files, in reading order; those that are left out have no number. */
export type Sentence = { readonly document: number; readonly text: string }

/** A text that was read. `sha256` is of its bytes, without compression. */
export type TextRead = { readonly name: string; readonly bytes: number; readonly sha256: string }

export type ReadDocuments = { readonly sources: ReadonlyArray<TextRead>; readonly skipped: ReadonlyArray<Skipped> }

/** Sentences are handed on when there are this many characters of them: many small files cost no more than one large one. */
const groupCharacters = 2 ** 18

/**
 * Hands all sentences, in groups, to `use`; the next group waits until `use` has settled. A document may be cut by a group's
 * end, unless duplicates are left out: then it is held whole.
 */
export const readDocuments =
  (files: ReadonlyArray<TextFile>, rules: DocumentRules, onBytes: (bytes: number) => void) =>
  (
    use: (sentences: ReadonlyArray<Sentence>) => TaskEither<CorpusError, void>
  ): TaskEither<CorpusError, ReadDocuments> =>
  async () => {
    const numbering = numberDocuments(rules)
    const sources: Array<TextRead> = []
    let skipped: ReadonlyArray<Skipped> = []
    const leaveOut = (why: string, where: string): void => {
      skipped = skip(skipped, why, where)
    }
    const handOn = async (): Promise<E.Either<CorpusError, void>> => use(numbering.take())()
    for (const file of files) {
      let line = 0
      const read = await readLines(
        file,
        onBytes
      )((lines) => async () => {
        for (const text of lines) {
          line += 1
          const where = `${file.shown}, line ${line}`
          if (file.form === 'lines') numbering.line(text, where)
          else {
            const record = textOfRecord(file.shown, rules.field, line)(text)
            if (E.isLeft(record)) return record
            if (record.right === undefined) leaveOut('records without text', where)
            else numbering.whole(record.right, where)
          }
        }
        return numbering.waiting() < groupCharacters ? E.right(undefined) : handOn()
      })()
      if (E.isLeft(read)) return read
      numbering.endDocument()
      sources.push({ name: file.name, bytes: file.bytes, sha256: read.right })
    }
    return pipe(
      await handOn(),
      E.map(() => ({ sources, skipped: [...skipped, ...numbering.skipped()] }))
    )
  }

/** Joins lines into documents, gives them numbers, and keeps what has not been handed on. */
const numberDocuments = ({ blanksSeparateDocuments, dedup }: DocumentRules) => {
  const seen = new Set<string>()
  let document = 0
  let ready: Array<Sentence> = []
  let waiting = 0
  /** Of the document that is open: its sentences where it has to be known whole, else only that it has one. */
  let held: Array<string> = []
  let isOpen = false
  let start = ''
  let duplicates: ReadonlyArray<Skipped> = []

  const add = (text: string): void => {
    ready.push({ document, text })
    waiting += text.length
  }
  const endDocument = (): void => {
    if (!isOpen) return
    isOpen = false
    if (dedup) {
      const digest = createHash('sha256').update(held.join('\n')).digest('base64')
      if (seen.has(digest)) duplicates = skip(duplicates, 'documents that had been there before', start)
      else held.forEach(add)
      held = []
      if (seen.has(digest)) return
      seen.add(digest)
    }
    document += 1
  }
  const sentence = (text: string, where: string): void => {
    if (!isOpen) start = where
    isOpen = true
    if (dedup) held.push(text)
    else add(text)
  }
  return {
    line: (line: string, where: string): void => {
      const text = line.trim()
      if (text !== '') sentence(text, where)
      else if (blanksSeparateDocuments) endDocument()
    },
    whole: (content: string, where: string): void => {
      for (const line of content.split(/\r\n|\n|\r/)) {
        const text = line.trim()
        if (text !== '') sentence(text, where)
      }
      endDocument()
    },
    endDocument,
    waiting: (): number => waiting,
    take: (): ReadonlyArray<Sentence> => {
      const taken = ready
      ready = []
      waiting = 0
      return taken
    },
    skipped: (): ReadonlyArray<Skipped> => duplicates
  }
}
