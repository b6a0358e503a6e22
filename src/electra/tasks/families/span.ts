/**
 * Tasks whose answers are spans of a text: SQuAD 1.1 and 2.0, and the data sets of the MRQA shared task.
 *
 * Rows are windows of texts. Training leaves questions out whose answer is not in the text, as the published code does; the other
 * splits answer all. Everything but the reading of files is pure.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { improving } from '../../training/columns.js'
import { pairSize } from '../../store/models/hf-task-config.js'
import { wordCutter, type TokenizerError } from '../../data/vocabulary/tokenizer.js'
import { sha256OfExamples } from '../data/data-sha256.js'
import type { TaskDataError } from '../data/data-error.js'
import type { QuestionExample } from '../data/examples.js'
import { mrqaReader } from '../data/mrqa.js'
import { readLinesOf, type Reading } from '../data/reader.js'
import { splitFiles, type FileNames } from '../data/split-files.js'
import { readSquad } from '../data/squad.js'
import type { AnswerOptions } from '../features/answers.js'
import { encodeQuestions, questionWindows } from '../features/question-windows.js'
import { independentSpans, jointSpans } from '../heads/span.js'
import {
  anyNetwork,
  type AnyNetwork,
  type Apply,
  type PreparedTask,
  type Split,
  type Task,
  type TaskDefaults,
  type TaskSettings
} from '../task.js'
import { answersOf } from './span-answers.js'
import { askedRows, questionOf, windowOptions } from './span-rows.js'
import { mrqa, squad1, squad2, type SpanScoring } from './span-scores.js'

type SpanTask = Pick<Task, 'name' | 'about' | 'defaults'> & {
  readonly files: { readonly [split: string]: FileNames }
  readonly read: (path: string) => TaskEither<TaskDataError, Reading<QuestionExample>>
  readonly scoring: SpanScoring
}

/** The published code's sizes of the head, and how it looks for answers. */
const published = { pairSize, beamSize: 20, answerabilityWeight: 0.5, nBest: 20, longestAnswer: 30 } as const

const networkOf = ({ head, size }: TaskSettings): AnyNetwork =>
  head === 'official' ? anyNetwork(jointSpans({ ...size, ...published })) : anyNetwork(independentSpans(size))

type Examples = ReadonlyArray<QuestionExample>

const splitOf = (
  { scoring }: SpanTask,
  { head, sequenceLength, tokenizer }: TaskSettings,
  wordsOf: AnswerOptions['wordsOf'],
  [name, path, examples]: readonly [name: string, path: string, examples: Examples]
): TaskEither<TaskDataError | TokenizerError, readonly [string, Split]> => {
  const options = windowOptions(sequenceLength)
  const { special, pieces } = tokenizer.vocabulary
  const answerOptions = { nBest: published.nBest, longestAnswer: published.longestAnswer, pieces, wordsOf }
  return pipe(
    encodeQuestions(tokenizer)(examples.map(questionOf)),
    TE.chainEitherKW((encoded): E.Either<TaskDataError, readonly [string, Split]> => {
      const all = examples.map((example, i) => ({ example, encoded: encoded[i] }))
      const { rows, asked, dropped } = askedRows(special, options, name === 'train')(all)
      if (rows.count === 0) {
        const skipped = dropped.map((one) => ({ ...one, why: `questions: ${one.why}` }))
        return E.left({ _tag: 'NoExamples', path, skipped })
      }
      // Windows are made once more when they are asked for: all of a training set's take more memory than its rows.
      const answers = answersOf(
        head,
        answerOptions,
        questionWindows(special, options)
      )(
        asked.map((one) => one.encoded),
        rows.count
      )
      const questions = asked.map(({ example }) => example)
      return E.right([
        name,
        {
          rows,
          judge: (predictions) => scoring.judge(head, questions, answers(predictions)),
          left: dropped.map(({ why, count, first }) => {
            const questions = count === 1 ? '1 question' : `${count} questions`
            return `${questions}: ${why} (first: ${first})${name === 'train' ? '' : '; scored, but in no loss'}`
          })
        }
      ])
    })
  )
}

const prepare =
  (task: SpanTask): Task['prepare'] =>
  (directory, settings) =>
    pipe(
      TE.Do,
      TE.apS('wordsOf', TE.fromEither(wordCutter(settings.tokenizer.options))),
      TE.bindW('read', () =>
        pipe(
          splitFiles(task.files, ['test'])(directory),
          TE.chain(
            TE.traverseSeqArray(([name, path]) =>
              pipe(
                task.read(path),
                TE.map(({ examples }) => [name, path, examples] as const)
              )
            )
          )
        )
      ),
      TE.bindW('splits', ({ wordsOf, read }) =>
        pipe(
          read,
          TE.traverseSeqArray((one) => splitOf(task, settings, wordsOf, one))
        )
      ),
      TE.map(({ read, splits }): PreparedTask => ({
        network: networkOf(settings),
        splits: Object.fromEntries(splits),
        columns: task.scoring.columns(read.find(([name]) => name === 'dev')?.[2] ?? []),
        exported: { _tag: 'Spans' },
        dataSha256: sha256OfExamples(read.map(([name, , examples]) => [name, examples]))
      }))
    )

const apply =
  (task: SpanTask): Apply<'Spans'> =>
  () =>
  (path, settings) =>
    pipe(
      TE.Do,
      TE.apS('wordsOf', TE.fromEither(wordCutter(settings.tokenizer.options))),
      TE.bindW('read', () => task.read(path)),
      TE.chainW(({ wordsOf, read: { examples } }) => splitOf(task, settings, wordsOf, ['test', path, examples])),
      TE.map(([, split]) => ({ network: networkOf(settings), split }))
    )

const taskOf = (task: SpanTask): Task<'Spans'> => ({
  says: 'Spans',
  apply: apply(task),
  name: task.name,
  about: task.about,
  defaults: task.defaults,
  metrics: improving(task.scoring.columns([])),
  prepare: prepare(task)
})

const defaults: TaskDefaults = { epochs: 2, sequenceLength: 512 }

/** Questions that SQuAD 1.1 could not ask have no answer to learn: they are dropped, and score 0. */
const possible = (reading: Reading<QuestionExample>): Reading<QuestionExample> => ({
  ...reading,
  examples: reading.examples.map((example) => ({ ...example, isImpossible: false }))
})

export const squad: Task<'Spans'> = taskOf({
  name: 'squad',
  about: 'SQuAD 2.0: answers that are spans of a text, or that there is none; exact match and F1',
  defaults,
  files: {
    train: ['train.json', 'train-v2.0.json'],
    dev: ['dev.json', 'dev-v2.0.json'],
    test: ['test.json', 'test-v2.0.json']
  },
  read: readSquad({ skipMalformed: false }),
  scoring: squad2
})

export const squadv1: Task<'Spans'> = taskOf({
  name: 'squadv1',
  about: 'SQuAD 1.1: answers that are spans of a text; exact match and F1',
  defaults,
  files: {
    train: ['train.json', 'train-v1.1.json'],
    dev: ['dev.json', 'dev-v1.1.json'],
    test: ['test.json', 'test-v1.1.json']
  },
  read: (path) => pipe(readSquad({ skipMalformed: false })(path), TE.map(possible)),
  scoring: squad1
})

const mrqaTask = (name: string, dataSet: string): Task<'Spans'> =>
  taskOf({
    name,
    about: `${dataSet}: answers that are spans of a text; exact match and F1`,
    defaults,
    files: { train: ['train.jsonl'], dev: ['dev.jsonl'], test: ['test.jsonl'] },
    read: readLinesOf(mrqaReader, { skipMalformed: false }),
    scoring: mrqa
  })

/**
 * Any file of the MRQA shared task, and the official names of four of them: `train.jsonl` and `dev.jsonl`, or the same compressed.
 *
 * In the published code the name `naturalqs` misses the rule that gives the others 2 epochs and 512 tokens, so that it has 3 and 128.
 * Here all four are treated alike.
 */
export const mrqaTasks: ReadonlyArray<Task<'Spans'>> = [
  mrqaTask('mrqa', 'MRQA, any of its data sets'),
  mrqaTask('newsqa', 'NewsQA of MRQA'),
  mrqaTask('naturalqs', 'Natural Questions of MRQA'),
  mrqaTask('triviaqa', 'TriviaQA of MRQA'),
  mrqaTask('searchqa', 'SearchQA of MRQA')
]
