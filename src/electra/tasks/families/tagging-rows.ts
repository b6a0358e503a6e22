/**
 * Tagged sentences as rows of a tagger, and its logits as tags of their words.
 */

import type { NamedArrays } from '../../training/problem.js'
import type { TaggedSentence } from '../data/examples.js'
import { padRows } from '../features/rows.js'
import { paddedTags, type TaggedRow } from '../features/tagged-words.js'
import type { Rows, Split } from '../task.js'
import type { TaggingScoring } from './tagging-scores.js'

/** Sentences with the tags that are learnt of them, one for each word. */
export type Labelled = {
  readonly sentences: ReadonlyArray<TaggedSentence>
  readonly learnt: ReadonlyArray<ReadonlyArray<string>>
}

export type TaggedRows = Labelled & {
  readonly rows: Rows
  /** How many words of each sentence the network sees: those before the cut. */
  readonly seen: ReadonlyArray<number>
  /** W: places for words in a row. */
  readonly words: number
}

/**
 * A row for each sentence. Arrays: ids, mask, types `[n, length]`, positions, labels, weights `[n, words]`. No row may have more than
 * `words` words, and every tag must be one of `tags`.
 */
export const taggedRows =
  (length: number, words: number, tags: ReadonlyArray<string>) =>
  (split: Labelled, rows: ReadonlyArray<TaggedRow>): TaggedRows => {
    const classOf = new Map(tags.map((tag, i) => [tag, i]))
    const labels = split.learnt.map((its) => its.map((tag) => classOf.get(tag) ?? 0))
    return {
      ...split,
      rows: { count: rows.length, arrays: { ...padRows(length, rows), ...paddedTags(words, rows, labels) } },
      seen: rows.map(({ positions }) => positions.length),
      words
    }
  }

/** The place of the largest of `count` values from `from` on; the first of equals. */
const largestOf = (values: ArrayLike<number>, from: number, count: number): number => {
  let best = 0
  for (let i = 1; i < count; i++) if (values[from + i] > values[from + best]) best = i
  return best
}

/** The likeliest tag of each word that the network sees. Logits `[n, W, c]`. */
export const likeliestTags =
  (tags: ReadonlyArray<string>, { seen, words }: Pick<TaggedRows, 'seen' | 'words'>) =>
  ({ logits }: NamedArrays): ReadonlyArray<ReadonlyArray<string>> =>
    seen.map((count, row) =>
      Array.from(
        { length: count },
        (_, word) => tags[largestOf(logits, (row * words + word) * tags.length, tags.length)]
      )
    )

export const taggedSplit = (tagged: TaggedRows, tags: ReadonlyArray<string>, scoring: TaggingScoring): Split => {
  const behind = tagged.sentences.map(({ words }, i) => words.length - tagged.seen[i]).filter((n) => n > 0)
  const words = behind.reduce((sum, n) => sum + n, 0)
  const where = behind.length === 1 ? 'of a long sentence' : `of ${behind.length} long sentences`
  return {
    rows: tagged.rows,
    judge: (predictions) => scoring.judge(tagged.sentences, likeliestTags(tags, tagged)(predictions)),
    left:
      words === 0
        ? []
        : [`${words === 1 ? '1 word' : `${words} words`} behind the cut ${where}: wrong in scores, and in no loss`]
  }
}
