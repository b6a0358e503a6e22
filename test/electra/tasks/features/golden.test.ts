/** Questions about a text as transformers 5.18 keeps the published code for them (scripts/golden/question_windows.py). */

import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { logitCandidates, predictAnswer } from '../../../../src/electra/tasks/features/answers.js'
import {
  answerSpan,
  encodeQuestions,
  questionWindows
} from '../../../../src/electra/tasks/features/question-windows.js'
import { right, rightOf } from '../../data/right.js'
import { bert, tokenizer, wordsOf } from './cases.js'

type Golden = {
  readonly question: string
  readonly context: string
  readonly answer: string
  readonly at: number
  readonly length: number
  readonly stride: number
  readonly queryLength: number
  readonly words: ReadonlyArray<string>
  readonly span: readonly [number, number]
  readonly windows: ReadonlyArray<{
    readonly ids: ReadonlyArray<number>
    readonly from: number
    readonly count: number
    readonly best: ReadonlyArray<boolean>
    readonly start: ReadonlyArray<number>
    readonly end: ReadonlyArray<number>
  }>
  readonly nBest: ReadonlyArray<{ readonly text: string; readonly score: number }>
}

const golden = JSON.parse(readFileSync('test/fixtures/questions.json', 'utf8')) as ReadonlyArray<Golden>

describe.each(golden)('the question $question, in rows of $length,', (g) => {
  const question = {
    id: 'q',
    question: g.question,
    context: g.context,
    answers: [{ text: g.answer, start: g.at }],
    isImpossible: false
  }
  const encoded = async () => (await rightOf(encodeQuestions(tokenizer)([question])))[0]

  it('has the words, the answer, the windows and the n best answers of the published code', async () => {
    const q = await encoded()
    expect(q.words).toEqual(g.words)
    const { start, end } = right(answerSpan(question, q))
    expect([start, end]).toEqual(g.span)
    const windows = questionWindows(bert.special, g)(q)
    expect(windows.map(({ ids, from, count, hasMaxContext: best }) => ({ ids, from, count, best }))).toEqual(
      g.windows.map(({ ids, from, count, best }) => ({ ids, from, count, best }))
    )
    const rows = windows.map((window, i) => ({
      window,
      candidates: logitCandidates(20, g.windows[i].start, g.windows[i].end),
      nullScore: 0
    }))
    const { nBest } = predictAnswer({ nBest: 20, longestAnswer: 30, pieces: bert.pieces, wordsOf })(q, rows)
    expect(nBest).toEqual(g.nBest)
  })
})
