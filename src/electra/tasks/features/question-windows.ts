/**
 * Questions about a text as rows: [CLS] question [SEP] window [SEP], a row for each window of the text's pieces.
 *
 * As in the published code: the question is cut to its first pieces, windows begin every `stride` pieces until one reaches the end, and
 * the second segment begins with the window.
 */

import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { invalidArgument } from '../../../tensor/fault.js'
import type { Tokenizer, TokenizerError } from '../../data/vocabulary/tokenizer.js'
import type { SpecialIds } from '../../data/vocabulary/vocabulary.js'
import { contextWords, type ContextWords } from './context-words.js'
import { piecesOf, type Pieces } from './pieces-of-words.js'
import type { TokenRow } from './rows.js'

/** A question, and its answers in the context, whose starts count code points. */
export type Question = {
  readonly id: string
  readonly question: string
  readonly context: string
  readonly answers: ReadonlyArray<{ readonly text: string; readonly start: number }>
  /** Whether the context has no answer. */
  readonly isImpossible: boolean
}

export type WindowOptions = {
  /** Of a row. */
  readonly length: number
  /** The most pieces of a question that are read: 64. */
  readonly queryLength: number
  /** From the start of one window to that of the next, in pieces: 128. */
  readonly stride: number
}

/** A question as pieces. */
export type EncodedQuestion = ContextWords & {
  readonly id: string
  readonly question: Pieces
  /** Of the whole context. */
  readonly pieces: Pieces
  /** The word of each piece. */
  readonly wordOf: ReadonlyArray<number>
  /** Of the first answer, where there is one. */
  readonly answer: Pieces
}

/** From its first to its last piece, both included, counted in the context. */
export type PieceSpan = { readonly start: number; readonly end: number }

/** One row of a question. */
export type Window = TokenRow & {
  /** The context's piece at `offset`. */
  readonly from: number
  readonly count: number
  /** Where in the row the window begins. */
  readonly offset: number
  /** For each piece of the window whether no other window shows more of what is around it. */
  readonly hasMaxContext: ReadonlyArray<boolean>
}

/** Questions with their pieces, in order. A text is cut into words and pieces once, however many questions are asked about it. */
export const encodeQuestions =
  (tokenizer: Tokenizer) =>
  (questions: ReadonlyArray<Question>): TE.TaskEither<TokenizerError, ReadonlyArray<EncodedQuestion>> => {
    const contexts = [...new Set(questions.map(({ context }) => context))].map(
      (context) => [context, contextWords(context)] as const
    )
    const answerOf = ({ answers }: Question): string => answers.at(0)?.text ?? ''
    return pipe(
      piecesOf(tokenizer, [
        ...contexts.flatMap(([, { words }]) => words),
        ...questions.flatMap((q) => [q.question, answerOf(q)])
      ]),
      TE.map((pieces) => {
        const encoded = new Map(
          contexts.map(([context, { words, wordAt }]) => {
            const ofWords = words.map(pieces)
            const wordOf = ofWords.flatMap((ids, word) => ids.map(() => word))
            return [context, { words, wordAt, pieces: ofWords.flat(), wordOf }]
          })
        )
        const noText = { words: [], wordAt: new Int32Array(0), pieces: [], wordOf: [] }
        return questions.map((q) => ({
          ...(encoded.get(q.context) ?? noText),
          ...{ id: q.id, question: pieces(q.question), answer: pieces(answerOf(q)) }
        }))
      })
    )
  }

// ---------------------------------------------------------------------- windows

/** Starts and sizes of windows over `total` pieces. */
export const windowBounds = (
  total: number,
  capacity: number,
  stride: number
): ReadonlyArray<{ readonly from: number; readonly count: number }> => {
  const bounds: Array<{ readonly from: number; readonly count: number }> = []
  for (let from = 0; from < total;) {
    const count = Math.min(total - from, capacity)
    bounds.push({ from, count })
    if (from + count === total) break
    from += Math.min(count, stride)
  }
  return bounds
}

/** How much of its surroundings a window shows of a piece; the larger window where two show the same. */
const contextScore = (piece: number, { from, count }: { readonly from: number; readonly count: number }): number =>
  Math.min(piece - from, from + count - 1 - piece) + 0.01 * count

/**
 * The rows of a question; none for a context without pieces.
 *
 * Throws `InvalidArgument` where the length leaves no room for a piece of the context.
 */
export const questionWindows =
  ({ cls, sep }: Pick<SpecialIds, 'cls' | 'sep'>, { length, queryLength, stride }: WindowOptions) =>
  (encoded: EncodedQuestion): ReadonlyArray<Window> => {
    const query = encoded.question.slice(0, queryLength)
    const capacity = length - query.length - 3
    if (capacity < 1 || stride < 1)
      throw invalidArgument(
        'questionWindows',
        `rows of ${length} for a question of ${query.length} pieces, stride ${stride}`,
        `at least ${query.length + 4}, and a stride of at least 1`
      )
    const bounds = windowBounds(encoded.pieces.length, capacity, stride)
    /** The window that shows most around each piece, the first of equals. */
    const best = encoded.pieces.map((_, piece) =>
      bounds.reduce(
        (top, bound, i) => {
          const score = piece < bound.from || piece >= bound.from + bound.count ? -Infinity : contextScore(piece, bound)
          return score > top.score ? { score, i } : top
        },
        { score: -Infinity, i: -1 }
      )
    )
    const first = [cls, ...query, sep]
    return bounds.map(({ from, count }, i) => {
      const second = [...encoded.pieces.slice(from, from + count), sep]
      return {
        ids: [...first, ...second],
        types: [...first.map(() => 0), ...second.map(() => 1)],
        from,
        count,
        offset: first.length,
        hasMaxContext: best.slice(from, from + count).map((top) => top.i === i)
      }
    })
  }

// ----------------------------------------------------------------------- answers

/** Why a question is not trained on. */
export type Dropped = 'no answer is given' | 'the answer lies outside the text' | 'the text does not hold the answer'

/** What Python's `str.split` splits at. */
const whitespace = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/u

const normalised = (text: string): string =>
  text
    .split(whitespace)
    .filter((word) => word !== '')
    .join(' ')
    .toLowerCase()

const equalPieces = (a: Pieces, b: Pieces): boolean => a.length === b.length && a.every((id, i) => id === b[i])

/** The first sub-span that is the answer's pieces, or the span itself where there is none. */
export const tightened = (pieces: Pieces, answer: Pieces, { start, end }: PieceSpan): PieceSpan => {
  for (let from = start; answer.length > 0 && from + answer.length - 1 <= end; from++)
    if (equalPieces(pieces.slice(from, from + answer.length), answer))
      return { start: from, end: from + answer.length - 1 }
  return { start, end }
}

/**
 * The pieces of a question's first answer. `Left` says why the question is dropped: where it is not impossible, and its answer does not
 * lie in the text, or the words that it touches do not hold it.
 */
export const answerSpan = (question: Question, encoded: EncodedQuestion): E.Either<Dropped, PieceSpan> => {
  const answer = question.answers.at(0)
  if (answer === undefined) return E.left('no answer is given')
  const end = answer.start + Array.from(answer.text).length - 1
  if (answer.start < 0 || end < answer.start || end >= encoded.wordAt.length)
    return E.left('the answer lies outside the text')
  const [first, last] = [encoded.wordAt[answer.start], encoded.wordAt[end]]
  const held = encoded.words.slice(Math.max(0, first), last + 1).join(' ')
  const span = { start: encoded.wordOf.indexOf(first), end: encoded.wordOf.lastIndexOf(last) }
  if (first < 0 || !held.toLowerCase().includes(normalised(answer.text)) || span.start < 0 || span.end < span.start)
    return E.left('the text does not hold the answer')
  return E.right(tightened(encoded.pieces, encoded.answer, span))
}

/** The positions in a row of a span of the context's pieces; 0 and 0, [CLS], where it is not wholly inside. */
export const positionsIn = ({ from, count, offset }: Window, { start, end }: PieceSpan): PieceSpan =>
  start >= from && end < from + count
    ? { start: start - from + offset, end: end - from + offset }
    : { start: 0, end: 0 }

/** What a row of a question is trained to say. */
export type WindowTarget = PieceSpan & {
  /** Whether the question has no answer, as its rows without its answer all say, too. */
  readonly isImpossible: boolean
}

/**
 * The rows of a question with what they are trained to say, every one of them: a row that does not hold the answer says [CLS], and
 * keeps what the question says of being answerable, as in the published code.
 */
export const trainingWindows =
  (special: Pick<SpecialIds, 'cls' | 'sep'>, options: WindowOptions) =>
  (
    question: Question,
    encoded: EncodedQuestion
  ): E.Either<Dropped, ReadonlyArray<Window & { readonly target: WindowTarget }>> => {
    const windows = questionWindows(special, options)(encoded)
    if (question.isImpossible)
      return E.right(windows.map((w) => ({ ...w, target: { start: 0, end: 0, isImpossible: true } })))
    return pipe(
      answerSpan(question, encoded),
      E.map((span) => windows.map((w) => ({ ...w, target: { ...positionsIn(w, span), isImpossible: false } })))
    )
  }
