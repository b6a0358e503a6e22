/** The text that the package carries, as a corpus and as a task: from which of its two textbooks a sentence is. */

import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { showStoreError } from '../store/errors.js'
import { exists, makeDirectories, readText, writeFileWhole } from '../store/files/files.js'
import { buildWithProgress } from './commands/corpus.js'
import type { Console } from './console.js'
import { failedWith, type Failure } from './outcome.js'

export const sampleDirectory = fileURLToPath(new URL('../../../data/sample', import.meta.url))

/** Pieces of its vocabulary: few, so that each is seen often in a short run. */
export const sampleVocabularySize = 2000

const books = ['sociology', 'psychology'] as const

/** Sentences of each book: enough for a task that shows how one goes, and few enough to be read in a moment. */
const sentencesOfBook = 1000

/** Every so many-th sentence is held out. */
const heldOutEvery = 5

const sentencesIn = (text: string): ReadonlyArray<string> =>
  text.split('\n').filter((line) => line.trim() !== '' && !line.includes('\t'))

/** Sentences of both in turn, as many of each. */
const rowsOf = (texts: ReadonlyArray<string>): ReadonlyArray<string> => {
  const all = texts.map(sentencesIn)
  const count = Math.min(sentencesOfBook, ...all.map(({ length }) => length))
  return Array.from({ length: count }, (_, i) => books.map((book, b) => `${book}\t${all[b][i]}`)).flat()
}

const tableOf = (rows: ReadonlyArray<string>): string => ['book\tsentence', ...rows, ''].join('\n')

/** `train.tsv` and `dev.tsv` in `directory`. */
export const writeSampleTask = (directory: string): TE.TaskEither<Failure, void> =>
  pipe(
    books,
    TE.traverseArray((book) => readText(join(sampleDirectory, `${book}.txt`))),
    TE.map(rowsOf),
    TE.chainFirst(() => makeDirectories(directory)),
    TE.chain((rows) => {
      const isHeldOut = (_: string, i: number): boolean => Math.floor(i / 2) % heldOutEvery === 0
      return pipe(
        [
          ['train.tsv', rows.filter((row, i) => !isHeldOut(row, i))],
          ['dev.tsv', rows.filter(isHeldOut)]
        ] as const,
        TE.traverseSeqArray(([name, of]) => writeFileWhole(join(directory, name), tableOf(of)))
      )
    }),
    TE.bimap(failedWith(showStoreError), () => undefined)
  )

/** `directory`, as a corpus, where it is not yet there. */
export const buildSampleCorpus = (directory: string, console: Console): TE.TaskEither<Failure, void> =>
  pipe(
    TE.fromTask<boolean, Failure>(TE.toUnion(exists(directory))),
    TE.chain((there) =>
      there
        ? TE.right(undefined)
        : pipe(
            buildWithProgress(
              {
                input: [sampleDirectory],
                out: directory,
                vocabSize: sampleVocabularySize,
                cased: false,
                keepAccents: false,
                blankLinesKeepDocuments: false
              },
              console
            ),
            TE.map(() => undefined)
          )
    )
  )
