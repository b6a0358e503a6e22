/**
 * Questions of the MRQA shared task: JSON lines, a context a line with its `qas`, behind a line with a `header`.
 *
 * An answer to learn is a text of `detected_answers` at the first of its `char_spans`, which count Unicode characters; those that
 * scorers accept are `answers`. No question is impossible.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as z from 'zod'
import { unitOfCodePoint } from './code-points.js'
import type { QuestionExample } from './examples.js'
import { held, jsonOf, text } from './json-text.js'
import type { LineReader } from './reader.js'
import { placed } from './squad.js'

const place = z.number().int().min(0)

const line = z.object({
  context: text,
  qas: z.array(
    z.object({
      qid: text,
      question: text,
      answers: z.array(text).optional(),
      detected_answers: z
        .array(z.object({ text, char_spans: z.tuple([z.tuple([place, place])], z.unknown()) }))
        .optional()
    })
  )
})

const header = z.object({ header: z.unknown() })

/** Reads with `readLinesOf`. The state says whether a header may still come. A malformed line is all of its questions. */
export const mrqaReader: LineReader<boolean, QuestionExample> = {
  start: true,
  line: (mayBeHeader, json) => {
    if (json.trim() === '') return E.right([mayBeHeader, []])
    return pipe(
      jsonOf('a JSON object on each line')(json),
      E.chain((value) => {
        if (mayBeHeader && header.safeParse(value).success && !line.safeParse(value).success) return E.right([])
        return pipe(
          held(line, 'a context, and qas with a qid, a question and detected_answers that have char_spans')(value),
          E.chain(({ context, qas }) => {
            const unitOf = unitOfCodePoint(context)
            return E.traverseArray(({ qid, question, answers, detected_answers = [] }: (typeof qas)[number]) =>
              pipe(
                placed(
                  context,
                  unitOf,
                  detected_answers.map(({ text: words, char_spans: [[at]] }) => ({ text: words, at }))
                ),
                E.map((found): QuestionExample => ({
                  ...{ id: qid, question, context, answers: found },
                  ...{ golds: answers ?? found.map((answer) => answer.text), isImpossible: false }
                }))
              )
            )(qas)
          })
        )
      }),
      E.map((examples) => [false, examples])
    )
  },
  skipped: () => false,
  end: () => [],
  idOf: ({ id }) => id
}
