/** Sentences of a word a line, with an empty line behind each: what files of tags have in common. */

import type { TaggedSentence } from './examples.js'
import type { LineReader } from './reader.js'

/** The words of a sentence that is not ended yet, the last first. */
export type Words = { readonly word: string; readonly tag: string; readonly before: Words } | undefined

/** The sentence, if it has a word. */
export const sentenceOf = (words: Words): ReadonlyArray<TaggedSentence> => {
  const pairs: Array<readonly [word: string, tag: string]> = []
  for (let at = words; at !== undefined; at = at.before) pairs.push([at.word, at.tag])
  pairs.reverse()
  return pairs.length === 0 ? [] : [{ words: pairs.map(([word]) => word), tags: pairs.map(([, tag]) => tag) }]
}

/** A reader of sentences from what a line is to them. The last sentence needs no empty line behind it. */
export const sentenceReader = (line: LineReader<Words, TaggedSentence>['line']): LineReader<Words, TaggedSentence> => ({
  start: undefined,
  line,
  skipped: (words) => words,
  end: sentenceOf
})
