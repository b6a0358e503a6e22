/**
 * Tagged sentences in CoNLL's columns: white space between them, the word first and its tag last.
 *
 * An empty line ends a sentence, and lines whose word is `-DOCSTART-` are no words. Columns end at spaces and tabs: other white
 * space of Unicode belongs to a word. (The official repository splits at that too, takes a line of one column for a word that is
 * its own tag, and loses a last sentence without an empty line.)
 */

import * as E from 'fp-ts/lib/Either.js'
import { quoted } from '../../../tensor/describe.js'
import type { TaggedSentence } from './examples.js'
import type { LineReader } from './reader.js'
import { sentenceOf, sentenceReader, type Words } from './sentence-lines.js'

/** Reads with `readLinesOf`. */
export const conllReader: LineReader<Words, TaggedSentence> = sentenceReader((before, text) => {
  if (text.trim() === '') return E.right([undefined, sentenceOf(before)])
  const columns = text.split(/[ \t]+/).filter((column) => column !== '')
  const [word, tag] = [columns[0], columns[columns.length - 1]]
  if (word === '-DOCSTART-') return E.right([before, []])
  if (columns.length < 2)
    return E.left({ found: `the one column ${quoted(word)}`, expected: 'a word, and its tag last' })
  return E.right([{ word, tag, before }, []])
})

/** A sentence to be written, with the tags that were predicted, and those it has where they are known. */
export type PredictedSentence = {
  readonly words: ReadonlyArray<string>
  readonly tags?: ReadonlyArray<string>
  readonly predictions: ReadonlyArray<string>
}

/**
 * Sentences in columns, the word first, its tag if it has one, and the predicted tag last: what the script conlleval reads.
 *
 * A word without a prediction has `O`. Spaces and tabs in a word become no-break spaces, since columns end at them.
 */
export const printConll = (sentences: ReadonlyArray<PredictedSentence>): string =>
  sentences
    .map(({ words, tags, predictions }) =>
      words
        .map((word, i) => {
          const columns = [
            word.replace(/[ \t]/g, '\u00a0'),
            ...(tags === undefined ? [] : [tags[i]]),
            predictions[i] ?? 'O'
          ]
          return `${columns.join(' ')}\n`
        })
        .join('')
    )
    .map((sentence) => `${sentence}\n`)
    .join('')
