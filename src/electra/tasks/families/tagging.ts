/**
 * Tasks that tag each word of a sentence: chunks and named entities, which are spans of words, and parts of speech.
 *
 * Spans are trained as BIOES, decoded from the file's tags as the published code decodes them. Words behind the cut of a sentence that is
 * too long have no prediction and count as wrong, where that code leaves them out. Everything but the reading of files is pure.
 */

import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { conllReader } from '../data/conll.js'
import { conlluReader, type PartOfSpeech } from '../data/conllu.js'
import { sha256OfExamples } from '../data/data-sha256.js'
import type { TaskDataError } from '../data/data-error.js'
import type { TaggedSentence } from '../data/examples.js'
import { readLinesOf, type Reading } from '../data/reader.js'
import { splitFiles, type FileNames } from '../data/split-files.js'
import { encodeTaggedWords, type TaggedRow } from '../features/tagged-words.js'
import { tagger } from '../heads/tagging.js'
import { officialSpans, tagsOfSpans } from '../spans.js'
import { improving } from '../../training/columns.js'
import { anyNetwork, type Apply, type PreparedTask, type Split, type Task } from '../task.js'
import { taggedRows, taggedSplit, type Labelled } from './tagging-rows.js'
import { spanTags, wordTags, type TaggingScoring } from './tagging-scores.js'

type TaggingTask = Pick<Task, 'name' | 'about' | 'defaults'> & {
  readonly files: { readonly [split: string]: FileNames }
  readonly read: (path: string) => TaskEither<TaskDataError, Reading<TaggedSentence>>
  /** The tags that are learnt, from those of the file. */
  readonly learnt: (tags: ReadonlyArray<string>) => ReadonlyArray<string>
  readonly scoring: TaggingScoring
}

/** The tags that occur in any split, by code unit: a tag's place is its class. */
const tagNames = (splits: ReadonlyArray<Labelled>): ReadonlyArray<string> =>
  [...new Set(splits.flatMap(({ learnt }) => learnt.flat()))].sort()

/** At least one place, though no word may fit. */
const mostWords = (rows: ReadonlyArray<TaggedRow>): number =>
  rows.reduce((most, { positions }) => Math.max(most, positions.length), 1)

const prepare =
  (task: TaggingTask): Task['prepare'] =>
  (directory, { size, tokenizer, sequenceLength, head, dropout }) =>
    pipe(
      splitFiles(task.files, ['test'])(directory),
      TE.chain(
        TE.traverseSeqArray(([name, path]) =>
          pipe(
            task.read(path),
            TE.map(({ examples }) => ({ name, sentences: examples, learnt: examples.map((s) => task.learnt(s.tags)) }))
          )
        )
      ),
      TE.bindTo('splits'),
      TE.bindW('rows', ({ splits }) =>
        pipe(
          splits,
          TE.traverseSeqArray(({ sentences }) =>
            encodeTaggedWords(tokenizer, sequenceLength)(sentences.map(({ words }) => words))
          )
        )
      ),
      TE.map(({ splits, rows }): PreparedTask => {
        const tags = tagNames(splits)
        const words = mostWords(rows.flat())
        const prepared = splits.map((split, i): readonly [string, Split] => [
          split.name,
          taggedSplit(taggedRows(sequenceLength, words, tags)(split, rows[i]), tags, task.scoring)
        ])
        return {
          network: anyNetwork(tagger({ ...size, head, dropout, words }, tags.length)),
          splits: Object.fromEntries(prepared),
          columns: task.scoring.columns(
            splits.find(({ name }) => name === 'train')?.learnt ?? [],
            splits.find(({ name }) => name === 'dev')?.learnt ?? []
          ),
          exported: { _tag: 'Tagging', labels: tags },
          dataSha256: sha256OfExamples(splits.map(({ name, sentences }) => [name, sentences]))
        }
      })
    )

/** Of the tags of the file nothing is learnt, and those that the model has not are wrong. */
const apply =
  (task: TaggingTask): Apply<'Tagging'> =>
  ({ labels: tags }) =>
  (path, { size, tokenizer, sequenceLength, head, dropout }) =>
    pipe(
      task.read(path),
      TE.bindTo('read'),
      TE.bindW('rows', ({ read: { examples } }) =>
        encodeTaggedWords(tokenizer, sequenceLength)(examples.map(({ words }) => words))
      ),
      TE.map(({ read: { examples }, rows }) => {
        const words = mostWords(rows)
        const labelled = { sentences: examples, learnt: examples.map((sentence) => task.learnt(sentence.tags)) }
        return {
          network: anyNetwork(tagger({ ...size, head, dropout, words }, tags.length)),
          split: taggedSplit(taggedRows(sequenceLength, words, tags)(labelled, rows), tags, task.scoring)
        }
      })
    )

const taskOf = (task: TaggingTask): Task<'Tagging'> => ({
  says: 'Tagging',
  apply: apply(task),
  name: task.name,
  about: task.about,
  defaults: task.defaults,
  metrics: improving(task.scoring.columns([], [])),
  prepare: prepare(task)
})

const columnFiles = {
  train: ['train.txt'],
  dev: ['dev.txt', 'valid.txt'],
  test: ['test.txt']
} as const satisfies TaggingTask['files']

/** CoNLL's columns, or a treebank of Universal Dependencies, which has the language's name before the split's. */
const wordFiles = {
  train: [...columnFiles.train, 'train.conllu', '*-ud-train.conllu'],
  dev: [...columnFiles.dev, 'dev.conllu', '*-ud-dev.conllu'],
  test: [...columnFiles.test, 'test.conllu', '*-ud-test.conllu']
} as const satisfies TaggingTask['files']

const rules = { skipMalformed: false }

const spans = (name: string, about: string, sequenceLength: number): Task<'Tagging'> =>
  taskOf({
    name,
    about: `${about}: spans of words, in CoNLL's columns; F1 of spans`,
    defaults: { epochs: 3, sequenceLength },
    files: columnFiles,
    read: readLinesOf(conllReader, rules),
    learnt: (tags) => tagsOfSpans('BIOES', tags.length)(officialSpans(tags)),
    scoring: spanTags
  })

const partsOfSpeech = (name: string, about: string, tag: PartOfSpeech): Task<'Tagging'> =>
  taskOf({
    name,
    about: `${about}, in CoNLL's columns or of Universal Dependencies; accuracy`,
    defaults: { epochs: 3, sequenceLength: 128 },
    files: wordFiles,
    read: (path) =>
      (/\.conllu(\.gz)?$/.test(path) ? readLinesOf(conlluReader(tag), rules) : readLinesOf(conllReader, rules))(path),
    learnt: (tags) => tags,
    scoring: wordTags
  })

/** Syntactic chunks (CoNLL-2000), of which the published code has rows of 256 tokens. */
export const chunk: Task<'Tagging'> = spans('chunk', 'Syntactic chunks', 256)

/** Named entities (CoNLL-2003): not in the published code, whose recipe for all other tasks it has. */
export const ner: Task<'Tagging'> = spans('ner', 'Named entities', 128)

export const pos: Task<'Tagging'> = partsOfSpeech('pos', 'Parts of speech', 'upos')

/** As `pos`, but of CoNLL-U the column with the language's own tags. */
export const xpos: Task<'Tagging'> = partsOfSpeech('xpos', "Parts of speech by the language's own tags", 'xpos')
