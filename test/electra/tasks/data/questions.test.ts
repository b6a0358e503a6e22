import { isLeft } from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { unitOfCodePoint } from '../../../../src/electra/tasks/data/code-points.js'
import { showTaskDataError } from '../../../../src/electra/tasks/data/data-error.js'
import type { QuestionExample } from '../../../../src/electra/tasks/data/examples.js'
import { mrqaReader } from '../../../../src/electra/tasks/data/mrqa.js'
import { parseLines, type ReadRules } from '../../../../src/electra/tasks/data/reader.js'
import { parseSquad } from '../../../../src/electra/tasks/data/squad.js'
import { left, right } from '../../data/right.js'

const strict: ReadRules = { skipMalformed: false }
const lenient: ReadRules = { skipMalformed: true }

/** Contexts with characters of one and of two UTF-16 units, and answers in them. */
const contexts = fc
  .array(fc.constantFrom('a', 'b', ' ', 'é', '中', '🙂', '𝐚'), { minLength: 1, maxLength: 12 })
  .chain((points) =>
    fc.record({
      points: fc.constant(points),
      asked: fc.array(fc.array(fc.integer({ min: 0, max: points.length - 1 }), { maxLength: 3 }), {
        minLength: 1,
        maxLength: 3
      })
    })
  )

/** What a context's questions are in Python's words, and in ours. */
const written = (
  paragraphs: ReadonlyArray<{ points: ReadonlyArray<string>; asked: ReadonlyArray<ReadonlyArray<number>> }>
) =>
  paragraphs.map(({ points, asked }, p) => ({
    context: points.join(''),
    questions: asked.map((starts, q) => ({
      id: `${p}-${q}`,
      answers: starts.map((start) => ({
        text: points.slice(start, start + 2).join(''),
        start,
        unit: points.slice(0, start).join('').length
      }))
    }))
  }))

const expected = (paragraphs: ReturnType<typeof written>, canBeImpossible: boolean): ReadonlyArray<QuestionExample> =>
  paragraphs.flatMap(({ context, questions }) =>
    questions.map(({ id, answers }) => ({
      ...{ id, question: `${id}?`, context },
      answers: answers.map(({ text, unit }) => ({ text, start: unit })),
      golds: answers.map(({ text }) => text),
      isImpossible: canBeImpossible && answers.length === 0
    }))
  )

const squadOf = (paragraphs: ReturnType<typeof written>): string =>
  JSON.stringify({
    version: 'v2.0',
    data: paragraphs.map(({ context, questions }) => ({
      title: 'x',
      paragraphs: [
        {
          context,
          qas: questions.map(({ id, answers }) => ({
            ...{ id, question: `${id}?`, is_impossible: answers.length === 0 },
            answers: answers.map(({ text, start }) => ({ text, answer_start: start }))
          }))
        }
      ]
    }))
  })

const mrqaOf = (paragraphs: ReturnType<typeof written>): ReadonlyArray<string> => [
  '{"header": {"dataset": "x", "split": "train"}}',
  ...paragraphs.map(({ context, questions }) =>
    JSON.stringify({
      context,
      qas: questions.map(({ id, answers }) => ({
        ...{ qid: id, question: `${id}?`, answers: answers.map(({ text }) => text) },
        detected_answers: answers.map(({ text, start }) => ({
          text,
          char_spans: [
            [start, start + 1],
            [0, 0]
          ]
        }))
      }))
    })
  )
]

describe('questions', () => {
  it('come out of SQuAD and MRQA as they were printed, places in UTF-16 units', () => {
    fc.assert(
      fc.property(fc.array(contexts, { minLength: 1, maxLength: 3 }), (cases) => {
        const paragraphs = written(cases)
        expect(right(parseSquad(strict, 'f')(squadOf(paragraphs))).examples).toEqual(expected(paragraphs, true))
        const mrqa = parseLines(mrqaReader, strict, 'f')(mrqaOf(paragraphs))
        expect(right(mrqa).examples).toEqual(expected(paragraphs, false))
        for (const { context, answers } of right(mrqa).examples)
          for (const { text, start } of answers) expect(context.slice(start, start + text.length)).toBe(text)
      })
    )
  })

  it('have places counted in characters', () => {
    const unit = unitOfCodePoint('a🙂b')
    expect([0, 1, 2, 3, 4, -1, 0.5].map(unit)).toEqual([0, 1, 3, 4, undefined, undefined, undefined])
    expect([0, 2, 3, -1, 0.5].map(unitOfCodePoint('ab'))).toEqual([0, 2, undefined, undefined, undefined])
  })

  const squad = (qas: unknown, context = 'ab') => JSON.stringify({ data: [{ paragraphs: [{ context, qas }] }] })
  const asked = { id: 'q', question: '?', answers: [{ text: 'a', answer_start: 0 }] }

  it('are malformed each by itself, and named by their places', () => {
    const three = squad([
      asked,
      { ...asked, id: 5 },
      { ...asked, id: 'r' },
      asked,
      { ...asked, id: 's', answers: [{ text: 'x', answer_start: 2 }] }
    ])
    expect(showTaskDataError(left(parseSquad(strict, 'f')(three)))).toBe(
      'f, data[0].paragraphs[0].qas[1]: found id = 5, expected a question with an id and answers that have a text and ' +
        'an answer_start; correct it, or remove it'
    )
    const { examples, skipped } = right(parseSquad(lenient, 'f')(three))
    expect(examples.map(({ id }) => id)).toEqual(['q', 'r'])
    expect(skipped.map(({ first }) => first)).toEqual([
      'f, data[0].paragraphs[0].qas[1]: id = 5',
      'f, data[0].paragraphs[0].qas[3]: the id "q" once more',
      'f, data[0].paragraphs[0].qas[4]: an answer at 2'
    ])
  })

  it('without answers, as those of a test set, are read', () => {
    const { examples } = right(parseSquad(strict, 'f')(squad([{ id: 'q', question: '?' }])))
    expect(examples).toMatchObject([{ answers: [], golds: [], isImpossible: false }])
    const line = JSON.stringify({ context: 'ab', qas: [{ qid: 'q', question: '?' }] })
    expect(right(parseLines(mrqaReader, strict, 'f')([line])).examples).toMatchObject([{ answers: [], golds: [] }])
  })

  it.each(['', '[]', '{"data": {}}', '['.repeat(100), 'x'])('are not in %j', (json) => {
    expect(left(parseSquad(lenient, 'f')(json))).toMatchObject({ _tag: 'OtherFormat' })
  })

  it('of MRQA have a header in the first line only', () => {
    const [header, ...lines] = mrqaOf(written([{ points: ['a'], asked: [[0]] }]))
    const bad = left(parseLines(mrqaReader, strict, 'f')([header, ...lines, header]))
    expect(bad).toMatchObject({ _tag: 'MalformedRow', where: 'line 3' })
    const twice = left(parseLines(mrqaReader, strict, 'f')([...lines, ...lines]))
    expect(twice).toMatchObject({ where: 'line 2', found: 'the id "0-0" once more' })
  })

  it('are data, or an error, whatever stands in the file', () => {
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom(null, true, 1, -1, 0.5, 'a', '\ud800', {}),
        fc.array(tie('any'), { maxLength: 3 }),
        fc.dictionary(
          fc.constantFrom(
            'data',
            'paragraphs',
            'context',
            'qas',
            'id',
            'qid',
            'question',
            'answers',
            'header',
            '__proto__'
          ),
          tie('any')
        )
      )
    })).any
    fc.assert(
      fc.property(
        fc.oneof(
          value.map((v) => JSON.stringify(v)),
          fc.string()
        ),
        value,
        fc.boolean(),
        (json, qas, skipMalformed) => {
          for (const read of [
            parseSquad({ skipMalformed }, 'f')(json),
            parseSquad({ skipMalformed }, 'f')(squad(qas)),
            parseSquad({ skipMalformed }, 'f')(squad([qas])),
            parseLines(mrqaReader, { skipMalformed }, 'f')([json, JSON.stringify({ context: 'ab', qas: [qas] })])
          ])
            if (isLeft(read)) expect(showTaskDataError(read.left)).toMatch(/^f[,:]/)
        }
      )
    )
  })

  it('have no halves of surrogate pairs', () => {
    const { examples } = right(
      parseSquad(strict, 'f')(squad([{ ...asked, answers: [{ text: 'b', answer_start: 1 }] }], '\ud800b'))
    )
    expect(examples[0]).toMatchObject({ context: '\ufffdb', answers: [{ text: 'b', start: 1 }] })
  })
})
