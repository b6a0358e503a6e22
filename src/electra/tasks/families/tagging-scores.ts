/**
 * Scores of predicted tags, in percent, and what they mean.
 */

import type { Column } from '../../training/columns.js'
import { printConll } from '../data/conll.js'
import type { TaggedSentence } from '../data/examples.js'
import { spanScores, tokenAccuracy } from '../metrics/tagging.js'
import { officialSpans, seqevalSpans, tagsOfSpans } from '../spans.js'
import type { Judgement } from '../task.js'

type Tags = ReadonlyArray<string>

export type TaggingScoring = {
  /** From the learnt tags of the sentences to train on, and of those that are judged. */
  readonly columns: (train: ReadonlyArray<Tags>, dev: ReadonlyArray<Tags>) => ReadonlyArray<Column>
  /** `predictions` may be shorter than their sentences. */
  readonly judge: (sentences: ReadonlyArray<TaggedSentence>, predictions: ReadonlyArray<Tags>) => Judgement
}

const inPercent = (share: number): number => 100 * share

/** A file of columns: word, tag, predicted tag. */
const written = (sentences: ReadonlyArray<TaggedSentence>, predictions: ReadonlyArray<Tags>): Judgement['files'] => ({
  'predictions.txt': printConll(sentences.map((sentence, i) => ({ ...sentence, predictions: predictions[i] })))
})

/** The tag that most words have; of equally many the one that comes first. */
const mostFrequent = (sentences: ReadonlyArray<Tags>): string | undefined => {
  const counts = new Map<string, number>()
  for (const tag of sentences.flat()) counts.set(tag, (counts.get(tag) ?? 0) + 1)
  return [...counts].reduce<readonly [string | undefined, number]>(
    (best, [tag, count]) => (count > best[1] ? [tag, count] : best),
    [undefined, 0]
  )[0]
}

/** A tag for each word. The baseline is the tag that most words to train on have. */
export const wordTags: TaggingScoring = {
  columns: (train, dev) => {
    const majority = mostFrequent(train)
    const words = dev.flat()
    const right = words.filter((tag) => tag === majority).length / words.length
    const classes = new Set([...train.flat(), ...words]).size
    return [
      {
        name: 'accuracy',
        meaning: 'Words whose tag is right, in %; words that did not fit into their row are not.',
        better: 'up',
        digits: 2,
        label: 'accuracy',
        baselines: () => ({ noContext: inPercent(right), chance: 100 / classes })
      },
      { name: 'words', meaning: 'Words.', better: 'neither', digits: 0 }
    ]
  },
  judge: (sentences, predictions) => ({
    report: {
      accuracy: inPercent(tokenAccuracy(sentences.map(({ tags }, i) => ({ label: tags, prediction: predictions[i] })))),
      words: sentences.reduce((sum, { words }) => sum + words.length, 0)
    },
    files: written(sentences, predictions)
  })
}

const spanColumn = (name: string, meaning: string, label?: string, baseline?: number): Column => ({
  ...{ name, meaning, better: 'up', digits: 2 },
  ...(label === undefined ? {} : { label }),
  ...(baseline === undefined ? {} : { baselines: () => ({ noContext: baseline }) })
})

/**
 * Spans of words: precision, recall and F1 as the published code decodes tags, and beside it as seqeval and conlleval do.
 *
 * The two differ on tags that are not well-formed: of predictions, and of files without `B` before each span, as the original ones of
 * CoNLL-2003 are. There the published code, and so what is learnt here, joins neighbours of two types. The file of predictions has
 * the predicted spans as BIO. The baseline is the tag that most words to train on have, for each word.
 */
export const spanTags: TaggingScoring = {
  columns: (train, dev) => {
    const majority = mostFrequent(train) ?? 'O'
    const guessed = dev.map((label) => ({ label, prediction: label.map(() => majority) }))
    const [official, seqeval] = [officialSpans, seqevalSpans].map((spansOf) =>
      inPercent(spanScores(spansOf)(guessed).f1)
    )
    return [
      spanColumn('f1', 'F1 of spans with the right ends and type, in %.', 'F1', official),
      spanColumn('precision', 'Share of the predicted spans that are right, in %.'),
      spanColumn('recall', 'Share of the right spans that are predicted, in %.'),
      spanColumn('seqeval_f1', 'The same F1, tags decoded as seqeval and conlleval do, in %.', 'F1, seqeval', seqeval),
      spanColumn('seqeval_precision', 'The same precision, tags decoded as seqeval and conlleval do, in %.'),
      spanColumn('seqeval_recall', 'The same recall, tags decoded as seqeval and conlleval do, in %.'),
      { name: 'spans', meaning: 'Spans in the text.', better: 'neither', digits: 0 }
    ]
  },
  judge: (sentences, predictions) => {
    const judged = sentences.map(({ tags }, i) => ({ label: tags, prediction: predictions[i] }))
    const official = spanScores(officialSpans)(judged)
    const seqeval = spanScores(seqevalSpans)(judged)
    return {
      report: {
        f1: inPercent(official.f1),
        precision: inPercent(official.precision),
        recall: inPercent(official.recall),
        seqeval_f1: inPercent(seqeval.f1),
        seqeval_precision: inPercent(seqeval.precision),
        seqeval_recall: inPercent(seqeval.recall),
        spans: official.actual
      },
      files: written(
        sentences,
        predictions.map((tags) => tagsOfSpans('BIO', tags.length)(officialSpans(tags)))
      )
    }
  }
}
