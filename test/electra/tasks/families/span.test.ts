import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { mrqaTasks, squad, squadv1 } from '../../../../src/electra/tasks/families/span.js'
import { windowOptions } from '../../../../src/electra/tasks/families/span-rows.js'
import { taskNamed, tasks } from '../../../../src/electra/tasks/table.js'
import type { HeadKind } from '../../../../src/electra/store/models/hf-task-config.js'
import type { Split, Task } from '../../../../src/electra/tasks/task.js'
import type { NamedArrays } from '../../../../src/electra/training/problem.js'
import { left, right } from '../../data/right.js'
import { prepared, settings } from './cases.js'

type Asked = { readonly context: string; readonly answer?: string }

const squadFile = (asked: ReadonlyArray<Asked>): string =>
  JSON.stringify({
    data: [
      {
        paragraphs: asked.map(({ context, answer }, i) => ({
          context,
          qas: [
            {
              ...{ id: String(i), question: 'Who is it ?', is_impossible: answer === undefined },
              answers:
                answer === undefined
                  ? []
                  : [{ text: answer, answer_start: Array.from(context.slice(0, context.indexOf(answer))).length }]
            }
          ]
        }))
      }
    ]
  })

const mrqaFile = (asked: ReadonlyArray<Asked>): string =>
  [
    '{"header":{}}',
    ...asked.map(({ context, answer = '' }, i) => {
      const at = Array.from(context.slice(0, context.indexOf(answer))).length
      return JSON.stringify({
        context,
        qas: [
          {
            ...{ qid: `q${i}`, question: 'Who ?', answers: [answer] },
            detected_answers: [{ text: answer, char_spans: [[at, at + Array.from(answer).length - 1]] }]
          }
        ]
      })
    })
  ].join('\n')

const width = 4

/** What a head says that is right about every row: the span where there is one, and else [CLS] and no answer. */
const perfect = (head: HeadKind, { rows: { count, arrays } }: Split, length: number): NamedArrays => {
  const has = (row: number): boolean => arrays.impossible[row] === 0 && arrays.starts[row] > 0
  const each = Array.from({ length: count }, (_, row) => row)
  const score = (row: number): number => (has(row) ? 0 : -50)
  if (head === 'huggingface') {
    const logits = (at: ArrayLike<number>): Float32Array => {
      // Only differences of logits count.
      const values = new Float32Array(count * length).fill(3)
      for (const row of each) values[row * length + at[row]] = has(row) ? 10 : 5
      return values
    }
    return { startLogits: logits(arrays.starts), endLogits: logits(arrays.ends) }
  }
  const repeated = (times: number, of: (row: number) => number): ReadonlyArray<number> =>
    each.flatMap((row) => Array.from({ length: times }, () => of(row)))
  return {
    starts: repeated(width, (row) => arrays.starts[row]),
    startLogProbs: repeated(width, score),
    ends: repeated(width ** 2, (row) => arrays.ends[row]),
    endLogProbs: repeated(width ** 2, score),
    answerability: repeated(1, (row) => (has(row) ? -9 : 9))
  }
}

const heads = ['official', 'huggingface'] as const

/** Contexts of several windows of 24 tokens, before and behind an answer that is not all of their start. */
const word = fc.constantFrom('the', 'cat', 'ran', 'Ångström', '😀smile', 'house,', '(1889)')
const words = fc.array(word, { maxLength: 60 }).map((all) => all.join(' '))
const answer = fc.constantFrom('Clovis', 'Queen 😀 Anne', 'Zürich')
const asked = fc
  .tuple(words, answer, words, fc.boolean())
  .map(([before, text, after, has]): Asked =>
    has ? { context: `${before} ${text} ${after}`, answer: text } : { context: `${before} . ${after}` }
  )
const answered = asked.filter((one) => one.answer !== undefined)
const dataSet = fc.tuple(answered, fc.array(asked, { maxLength: 5 })).map(([one, more]) => [one, ...more])

/** In short rows windows do not overlap: an answer is in one row, or in none where a window ends within it. */
const lengths = fc.constantFrom(24, 512)

/** The share of questions of which a row says all, in %; all of them where no text has a second row. */
const answerable = ({ rows }: Split, data: ReadonlyArray<Asked>, length: number): number => {
  const held = rows.arrays.starts.filter((start) => start > 0).length
  const none = data.filter((one) => one.answer === undefined).length
  if (length === 512) expect(held + none).toBe(data.length)
  return (100 * (held + none)) / data.length
}

describe('answers that are right about every row', () => {
  it.each(heads)('have the best scores in SQuAD 2.0, with the head of %s', async (head) => {
    await fc.assert(
      fc.asyncProperty(dataSet, lengths, async (data, sequenceLength) => {
        const files = { 'train.json': squadFile(data), 'dev-v2.0.json': squadFile(data) }
        const { splits } = right(await prepared(squad, files, { head, sequenceLength }))
        for (const split of Object.values(splits)) {
          const { report, files: written } = split.judge(perfect(head, split, sequenceLength))
          const exact = answerable(split, data, sequenceLength)
          expect(report).toMatchObject({ exact, f1: exact, best_exact: exact, best_f1: exact, total: data.length })
          expect(Object.keys(JSON.parse(written['predictions.json']) as object)).toHaveLength(data.length)
          expect(Object.keys(JSON.parse(written['null_odds.json']) as object)).toHaveLength(data.length)
        }
      }),
      { numRuns: 25 }
    )
  })

  it.each([
    ['squadv1', squadv1, 'json', squadFile],
    ['mrqa', mrqaTasks[0], 'jsonl', mrqaFile]
  ] as const)('have the best scores in %s', async (_, task: Task, extension, fileOf) => {
    await fc.assert(
      fc.asyncProperty(fc.array(answered, { minLength: 1, maxLength: 5 }), lengths, async (data, sequenceLength) => {
        const text = fileOf(data)
        const files = { [`train.${extension}`]: text, [`dev.${extension}`]: text }
        const { splits } = right(await prepared(task, files, { sequenceLength }))
        const { report, files: written } = splits.dev.judge(perfect('official', splits.dev, sequenceLength))
        const exact = answerable(splits.dev, data, sequenceLength)
        expect(report).toEqual({ exact_match: exact, f1: exact, total: data.length })
        expect(Object.keys(written)).toEqual(['predictions.json'])
      }),
      { numRuns: 15 }
    )
  })
})

describe('answers of any kind', () => {
  const number = fc.oneof(fc.double(), fc.integer({ min: -2, max: 30 }))
  it.each(heads)('are judged, with the head of %s', async (head) => {
    const data = [
      { context: 'Clovis was a king. '.repeat(9), answer: 'Clovis' },
      { context: 'Nobody' },
      { context: '' }
    ]
    const files = { 'train.json': squadFile(data), 'dev.json': squadFile(data) }
    const { splits } = right(await prepared(squad, files, { head }))
    const { count } = splits.dev.rows
    const arrays = (sizes: Readonly<Record<string, number>>) =>
      fc.record(
        Object.fromEntries(
          Object.entries(sizes).map(([name, n]) => [
            name,
            fc.array(number, { minLength: n * count, maxLength: n * count })
          ])
        )
      )
    const said: Readonly<Record<string, number>> =
      head === 'official'
        ? { starts: 2, startLogProbs: 2, ends: 4, endLogProbs: 4, answerability: 1 }
        : { startLogits: 24, endLogits: 24 }
    fc.assert(
      fc.property(arrays(said), (predictions) => {
        const { report, files: written } = splits.dev.judge(predictions)
        expect(report).toMatchObject({ total: 3, HasAns_total: 1, NoAns_total: 2 })
        expect(Object.keys(JSON.parse(written['null_odds.json']) as object)).toHaveLength(3)
      }),
      { numRuns: 50 }
    )
  })
})

describe('a question', () => {
  const good = { context: 'Clovis ran', answer: 'Clovis' }
  /** Its answer begins in the text, which does not hold it. */
  const bad = { context: 'Clovis ran', answer: 'Clothilde' }
  const misplaced = (data: ReadonlyArray<Asked>): string =>
    squadFile(data).replace('"answer_start":9', '"answer_start":0')

  it('whose answer is not in the text is dropped from training, and scored without a part in the loss elsewhere', async () => {
    const text = misplaced([good, bad])
    const { splits } = right(await prepared(squad, { 'train.json': text, 'dev.json': text }))
    expect(splits.train.rows.count).toBe(1)
    expect(splits.train.left).toEqual(['1 question: the text does not hold the answer (first: 1)'])
    expect([...splits.dev.rows.arrays.weights]).toEqual([1, 0])
    expect(splits.dev.left).toHaveLength(1)
    expect(splits.dev.judge(perfect('official', splits.dev, 24)).report).toMatchObject({ exact: 50, total: 2 })
  })

  it('without an answer in SQuAD 1.1 is dropped from training and scores 0', async () => {
    const text = squadFile([good, { context: 'none' }])
    const { splits } = right(await prepared(squadv1, { 'train.json': text, 'dev.json': text }))
    expect(splits.train.rows.count).toBe(1)
    expect(splits.dev.judge(perfect('official', splits.dev, 24)).report).toMatchObject({ exact_match: 50, total: 2 })
  })

  it('alone and of no use for training is an error', async () => {
    const text = misplaced([bad])
    expect(left(await prepared(squad, { 'train.json': text, 'dev.json': text }))).toMatchObject({ _tag: 'NoExamples' })
  })

  it('of a test set without labels is answered, and gives no score', async () => {
    const unlabelled = squadFile([{ context: 'Clovis ran' }])
      .replace('"is_impossible":true,', '')
      .replace(',"answers":[]', '')
    const files = { 'train.json': squadFile([good]), 'dev.json': squadFile([good]), 'test.json': unlabelled }
    const { test } = right(await prepared(squad, files)).splits
    const judged = test.judge(perfect('official', test, 24))
    expect(judged.report).toEqual({})
    expect(JSON.parse(judged.files['predictions.json'])).toEqual({ '0': 'empty' })
  })
})

describe('a prepared task of spans', () => {
  const files = (answered: string) => ({
    'train.json': squadFile([{ context: 'Clovis ran', answer: answered }]),
    'dev.json': squadFile([{ context: 'Clovis ran', answer: 'Clovis' }, { context: 'no' }, { context: 'no' }])
  })

  it('says what always answering nothing gives, and what its network says', async () => {
    const official = right(await prepared(squad, files('Clovis')))
    const [exact] = official.columns
    expect(exact).toMatchObject({ name: 'exact', better: 'up', label: 'exact match' })
    expect(exact.baselines?.({}, {})).toEqual({ noContext: 200 / 3 })
    expect(official.exported).toEqual({ _tag: 'Spans' })
  })

  it('has a row of arrays for each placeholder of its network', async () => {
    for (const head of heads) {
      const { network, splits } = right(await prepared(squad, files('Clovis'), { head }))
      for (const { rows } of Object.values(splits))
        for (const [name, { shape }] of Object.entries(network.batchSpec(rows.count, settings.sequenceLength)))
          expect([name, rows.arrays[name].length]).toEqual([name, shape.reduce((n, d) => n * d, 1)])
    }
  })

  it('has a hash that tells data apart', async () => {
    const hashOf = async (text: string) => right(await prepared(squad, files(text))).dataSha256
    expect(await hashOf('Clovis')).toBe(await hashOf('Clovis'))
    expect(await hashOf('Clovis')).not.toBe(await hashOf('ran'))
  })

  it('names the files that it looked for', async () => {
    expect(left(await prepared(squad, { 'train.json': squadFile([]), 'dev.csv': '' }))).toMatchObject({
      _tag: 'UnreadableData',
      reason: 'found dev.csv, train.json, expected one of dev.json, dev-v2.0.json'
    })
  })
})

describe('rows', () => {
  it('have room for a piece of the text from 4 tokens on, and for the whole question from 128 on', () => {
    expect([4, 5, 7, 24, 128, 512].map((length) => windowOptions(length).queryLength)).toEqual([0, 1, 3, 12, 64, 64])
  })
})

describe('the table of tasks', () => {
  it('has each task under its own name', () => {
    const names = tasks.map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
    for (const name of names) expect(taskNamed(name)?.name).toBe(name)
    expect(names).toEqual(
      expect.arrayContaining([
        'cola',
        'squad',
        'squadv1',
        'newsqa',
        'naturalqs',
        'triviaqa',
        'searchqa',
        'chunk',
        'pos'
      ])
    )
    expect(taskNamed('nothing')).toBeUndefined()
  })
})
