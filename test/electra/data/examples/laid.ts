/** Encoded text of a given form, and rows of examples, for the tests of packing. */

import type { Examples } from '../../../../src/electra/data/examples/examples.js'
import type { Sentences } from '../../../../src/electra/data/sentences.js'

export const special = { pad: 0, unk: 1, cls: 2, sep: 3, mask: 4 } as const

/** Documents given as the lengths of their sentences; ids count from 1000 throughout. */
export const lay = (documents: ReadonlyArray<ReadonlyArray<number>>): Sentences => {
  let tokens = 0
  let sentences = 0
  const sentenceEnds = documents.flat().map((length) => (tokens += length))
  return {
    ids: Uint16Array.from({ length: tokens }, (_, i) => 1000 + i),
    sentenceEnds: Uint32Array.from(sentenceEnds),
    documentEnds: Uint32Array.from(documents, (document) => (sentences += document.length))
  }
}

export const rowOf = (examples: Examples, i: number): ReadonlyArray<number> => [
  ...examples.ids.subarray(i * examples.sequenceLength, (i + 1) * examples.sequenceLength)
]
