/**
 * Running text: every document cut into rows that follow one another, so that no token is left out.
 *
 * The original's packing deals sentences into two segments and discards what does not fit: little at 128 tokens, a third of
 * the text at 32. Here a row is `[CLS] text [SEP]`, cut wherever it is full; only a document's last row may be shorter.
 */

import type { Examples } from './examples.js'
import type { Ids, Sentences } from '../sentences.js'
import type { SpecialIds } from '../vocabulary/vocabulary.js'

/** [CLS] before the text of a row, and [SEP] after it. */
const around = 2

/** The rows of these documents, in order. L is at least 3. Every token of the text stands in exactly one row. */
export const cutRunningText =
  ({
    sequenceLength: length,
    special: { cls, sep }
  }: {
    readonly sequenceLength: number
    readonly special: SpecialIds
  }) =>
  (sentences: Sentences): Examples => {
    const spans = spansOf(sentences, length - around)
    const ids = allocateLike(sentences.ids, spans.length * length)
    const lengths = Uint32Array.from(spans, ({ from, to }) => to - from + around)
    spans.forEach(({ from, to }, row) => {
      ids[row * length] = cls
      ids.set(sentences.ids.subarray(from, to), row * length + 1)
      ids[row * length + lengths[row] - 1] = sep
    })
    return { count: spans.length, sequenceLength: length, ids, lengths, firstLengths: lengths }
  }

/** Tokens `from .. to - 1` of the text. */
type Span = { readonly from: number; readonly to: number }

/** The parts of at most `most` tokens of each document. */
const spansOf = ({ sentenceEnds, documentEnds }: Sentences, most: number): ReadonlyArray<Span> => {
  const spans: Array<Span> = []
  let from = 0
  for (const sentences of documentEnds) {
    const end = sentenceEnds[sentences - 1]
    for (; from < end; from += most) spans.push({ from, to: Math.min(from + most, end) })
    from = end
  }
  return spans
}

const allocateLike = (like: Ids, n: number): Ids =>
  like.BYTES_PER_ELEMENT === 2 ? new Uint16Array(n) : new Uint32Array(n)
