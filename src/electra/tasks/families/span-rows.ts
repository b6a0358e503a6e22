/**
 * Questions about texts as rows of a network for spans: a row for each window of the text.
 */

import * as E from 'fp-ts/lib/Either.js'
import type { SpecialIds } from '../../data/vocabulary/vocabulary.js'
import { skip, type Skipped } from '../../data/text/source.js'
import { codePointsBefore } from '../data/code-points.js'
import type { QuestionExample } from '../data/examples.js'
import {
  questionWindows,
  trainingWindows,
  type EncodedQuestion,
  type Question,
  type WindowOptions,
  type WindowTarget
} from '../features/question-windows.js'
import { padRows, type TokenRow } from '../features/rows.js'
import type { Rows } from '../task.js'

/**
 * The published code's, at most half of a row for the question, so that short rows have room for the text. As there, windows of 128
 * pieces or fewer do not overlap, and an answer across the end of one is in no row.
 */
export const windowOptions = (length: number): WindowOptions => ({
  length,
  queryLength: Math.max(0, Math.min(64, Math.floor(length / 2), length - 4)),
  stride: 128
})

/** The question as windows are made of it: places count characters, and only the first answer is learnt. */
export const questionOf = (example: QuestionExample): Question => ({
  ...example,
  answers: example.answers
    .slice(0, 1)
    .map(({ text, start }) => ({ text, start: codePointsBefore(example.context, start) }))
})

export type Asked = { readonly example: QuestionExample; readonly encoded: EncodedQuestion }

export type AskedRows = {
  readonly rows: Rows
  /** The questions that the rows belong to, in their order: each has as many as it has windows. */
  readonly asked: ReadonlyArray<Asked>
  /** Questions that cannot be learnt, and why. */
  readonly dropped: ReadonlyArray<Skipped>
}

type Row = TokenRow & { readonly target: WindowTarget; readonly weight: number }

const noTarget = { start: 0, end: 0, isImpossible: false }

/**
 * The rows of questions. Those that cannot be learnt are left out where `forTraining`; else they are there, to be answered, with
 * weight 0 in a loss.
 *
 * Arrays: ids, mask, types `[n, length]`, starts, ends, impossible, weights `[n]`.
 */
export const askedRows =
  (special: Pick<SpecialIds, 'cls' | 'sep'>, options: WindowOptions, forTraining: boolean) =>
  (all: ReadonlyArray<Asked>): AskedRows => {
    const rows: Array<Row> = []
    const asked: Array<Asked> = []
    let dropped: ReadonlyArray<Skipped> = []
    for (const one of all) {
      const learnt = trainingWindows(special, options)(questionOf(one.example), one.encoded)
      if (one.encoded.pieces.length === 0) dropped = skip(dropped, 'there is no text', one.encoded.id)
      else if (E.isLeft(learnt)) dropped = skip(dropped, learnt.left, one.encoded.id)
      if (E.isRight(learnt)) for (const window of learnt.right) rows.push({ ...window, weight: 1 })
      else if (forTraining) continue
      else
        for (const window of questionWindows(special, options)(one.encoded))
          rows.push({ ...window, target: noTarget, weight: 0 })
      asked.push(one)
    }
    const arrays = {
      ...padRows(options.length, rows),
      starts: Int32Array.from(rows, ({ target }) => target.start),
      ends: Int32Array.from(rows, ({ target }) => target.end),
      impossible: Float32Array.from(rows, ({ target }) => (target.isImpossible ? 1 : 0)),
      weights: Float32Array.from(rows, ({ weight }) => weight)
    }
    return { rows: { count: rows.length, arrays }, asked, dropped }
  }
