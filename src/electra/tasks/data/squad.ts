/**
 * Questions of SQuAD's JSON, versions 1.1 and 2.0: `data[].paragraphs[].{context, qas[].{id, question, answers, is_impossible}}`.
 *
 * A question that says nothing of `is_impossible` is possible, and one that has no `answers` (of a test set) is without any.
 * Other fields are not looked at.
 */

import * as E from 'fp-ts/lib/Either.js'
import type { Either } from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import * as z from 'zod'
import { unitOfCodePoint } from './code-points.js'
import type { Mistake, TaskDataError } from './data-error.js'
import type { QuestionExample } from './examples.js'
import { wholeText } from './file-lines.js'
import { held, jsonOf, text } from './json-text.js'
import { gatherer, type Reading, type ReadRules } from './reader.js'

const dataSet = z.object({ data: z.array(z.unknown()) })
const article = z.object({ paragraphs: z.array(z.unknown()) })
const paragraph = z.object({ context: text, qas: z.array(z.unknown()) })
const question = z.object({
  id: text,
  question: text,
  is_impossible: z.boolean().optional(),
  // `answer_start` counts Unicode characters.
  answers: z.array(z.object({ text, answer_start: z.number().int().min(0) })).optional()
})

/**
 * Reads SQuAD's JSON. What is malformed is a question, a paragraph or an article, and told by its place, `data[0].paragraphs[2]`.
 * An answer must begin within its context; that it stands there, letter for letter, is not asked.
 */
export const readSquad =
  (rules: ReadRules) =>
  (path: string): TE.TaskEither<TaskDataError, Reading<QuestionExample>> =>
    pipe(wholeText(path), TE.chainEitherK(parseSquad(rules, path)))

export const parseSquad =
  (rules: ReadRules, path: string) =>
  (json: string): Either<TaskDataError, Reading<QuestionExample>> => {
    const gathered = gatherer<QuestionExample>(path, rules, ({ id }) => id)
    const whole = pipe(
      jsonOf('SQuAD as JSON')(json),
      E.chain(held(dataSet, 'an object with a list called data, as SQuAD is'))
    )
    if (E.isLeft(whole)) return E.left({ _tag: 'OtherFormat', path, where: 'the whole', ...whole.left })
    for (const { where, row } of rowsOf(whole.right.data)) {
      const gone = E.isLeft(row) ? gathered.mistake(where, row.left) : gathered.add(where, row.right)
      if (E.isLeft(gone)) return gone
    }
    return gathered.reading()
  }

type Row = { readonly where: string; readonly row: Either<Mistake, QuestionExample> }

function* rowsOf(data: ReadonlyArray<unknown>): Generator<Row> {
  for (const [a, value] of data.entries()) {
    const read = held(article, 'an article with a list of paragraphs')(value)
    if (E.isLeft(read)) yield { where: `data[${a}]`, row: read }
    else
      for (const [p, inner] of read.right.paragraphs.entries()) yield* questionsOf(`data[${a}].paragraphs[${p}]`, inner)
  }
}

function* questionsOf(where: string, value: unknown): Generator<Row> {
  const read = held(paragraph, 'a paragraph with a context and a list called qas')(value)
  if (E.isLeft(read)) {
    yield { where, row: read }
    return
  }
  const { context, qas } = read.right
  const unitOf = unitOfCodePoint(context)
  for (const [q, asked] of qas.entries())
    yield {
      where: `${where}.qas[${q}]`,
      row: pipe(
        held(question, 'a question with an id and answers that have a text and an answer_start')(asked),
        E.chain(({ id, question: words, answers = [], is_impossible: isImpossible = false }) =>
          pipe(
            placed(
              context,
              unitOf,
              answers.map((answer) => ({ text: answer.text, at: answer.answer_start }))
            ),
            E.map((answersPlaced) => ({
              ...{ id, question: words, context, answers: answersPlaced },
              ...{ golds: answersPlaced.map((answer) => answer.text), isImpossible }
            }))
          )
        )
      )
    }
}

/** Answers whose places are counted in Unicode characters, with places as JavaScript has them. */
export const placed = (
  context: string,
  unitOf: (at: number) => number | undefined,
  answers: ReadonlyArray<{ readonly text: string; readonly at: number }>
): Either<Mistake, QuestionExample['answers']> => {
  const found = answers.map((answer) => ({ text: answer.text, start: unitOf(answer.at) }))
  const outside = found.findIndex(({ start }) => start === undefined || start === context.length)
  return outside === -1
    ? E.right(found.map((answer) => ({ text: answer.text, start: answer.start ?? 0 })))
    : E.left({ found: `an answer at ${answers[outside].at}`, expected: 'answers that begin within the context' })
}
