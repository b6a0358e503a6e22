/**
 * Words and their parts of speech from CoNLL-U, the format of Universal Dependencies: ten columns between tabs.
 *
 * Lines with `#` are comments. Multiword tokens (ids such as 3-4) and empty nodes (5.1) are left out: the words that a multiword
 * token stands for have lines of their own. https://universaldependencies.org/format.html
 */

import * as E from 'fp-ts/lib/Either.js'
import { quoted } from '../../../tensor/describe.js'
import type { TaggedSentence } from './examples.js'
import type { LineReader } from './reader.js'
import { sentenceOf, sentenceReader, type Words } from './sentence-lines.js'

/** Which column is the tag: the universal part of speech, or the language's own. */
export type PartOfSpeech = 'upos' | 'xpos'

const columnsOfLine = 10
const tagColumn: Readonly<Record<PartOfSpeech, number>> = { upos: 3, xpos: 4 }

/** Reads with `readLinesOf`. */
export const conlluReader = (tag: PartOfSpeech): LineReader<Words, TaggedSentence> =>
  sentenceReader((before, text) => {
    if (text.trim() === '') return E.right([undefined, sentenceOf(before)])
    if (text.startsWith('#')) return E.right([before, []])
    const columns = text.split('\t')
    if (columns.length !== columnsOfLine)
      return E.left({
        found: `${columns.length} column${columns.length === 1 ? '' : 's'}`,
        expected: `${columnsOfLine} columns between tabs`
      })
    const [id, word] = columns
    if (/^\d+(-|\.)\d+$/.test(id)) return E.right([before, []])
    if (!/^\d+$/.test(id)) return E.left({ found: `the id ${quoted(id)}`, expected: 'an id such as 3, 3-4 or 5.1' })
    const found = columns[tagColumn[tag]]
    if (word === '' || found === '') return E.left({ found: 'an empty column', expected: `a form and ${tag}` })
    return E.right([{ word, tag: found, before }, []])
  })
