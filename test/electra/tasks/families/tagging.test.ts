import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chunk, ner, pos, xpos } from '../../../../src/electra/tasks/families/tagging.js'
import { likeliestTags } from '../../../../src/electra/tasks/families/tagging-rows.js'
import type { PreparedTask, Split } from '../../../../src/electra/tasks/task.js'
import type { NamedArrays } from '../../../../src/electra/training/problem.js'
import { left, right } from '../../data/right.js'
import { prepared, settings } from './cases.js'

type Tagged = ReadonlyArray<readonly [word: string, tag: string]>

const columns = (sentences: ReadonlyArray<Tagged>): string =>
  sentences.map((words) => words.map(([word, tag]) => `${word} x ${tag}\n`).join('') + '\n').join('')

const conllu = (sentences: ReadonlyArray<Tagged>): string =>
  sentences
    .map((words) =>
      words.map(([word, tag], i) => `${i + 1}\t${word}\t_\t${tag}\t${tag.toLowerCase()}\t_\t_\t_\t_\t_\n`).join('')
    )
    .map((text) => `# a comment\n${text}\n`)
    .join('')

const labelsOf = ({ exported }: PreparedTask): ReadonlyArray<string> =>
  exported._tag === 'Tagging' ? exported.labels : []

/** Logits that are highest at the right tag of each word. */
const perfect = ({ rows: { arrays } }: Split, { length }: ReadonlyArray<string>): NamedArrays => ({
  logits: Array.from(arrays.labels).flatMap((label) => Array.from({ length }, (_, tag) => (tag === label ? 1 : 0)))
})

const word = fc.constantFrom('the', 'cat', 'unaffable', 'Ångström', '😀', '(1889)')
const sentences = (tag: fc.Arbitrary<string>, maxLength: number) =>
  fc.array(fc.array(fc.tuple(word, tag), { minLength: 1, maxLength }), { minLength: 1, maxLength: 5 })
const spanTag = fc.constantFrom('O', 'B-NP', 'I-NP', 'B-VP')
/** Sentences of BIO tags in which each span begins with `B` and has one type. */
const bio = sentences(spanTag, 6).map((all) =>
  all.map((words) =>
    words.reduce<Tagged>((before, [text, tag]) => {
      const last = before.at(-1)?.[1] ?? 'O'
      return [...before, [text, tag === 'I-NP' && last !== 'B-NP' && last !== 'I-NP' ? 'O' : tag]]
    }, [])
  )
)

const wordsIn = (all: ReadonlyArray<Tagged>): number => all.flat().length

describe('tags that are all right', () => {
  it('score 100 where all words fit, and as many as fit else', async () => {
    await fc.assert(
      fc.asyncProperty(
        sentences(fc.constantFrom('NOUN', 'VERB', 'O'), 12),
        fc.constantFrom(8, 128),
        async (all, sequenceLength) => {
          const files = { 'train.txt': columns(all), 'dev.txt': columns(all) }
          const task = right(await prepared(pos, files, { sequenceLength }))
          const { dev } = task.splits
          const seen = dev.rows.arrays.weights.filter((weight) => weight === 1).length
          const { report } = dev.judge(perfect(dev, labelsOf(task)))
          expect(report).toEqual({ accuracy: 100 * (seen / wordsIn(all)), words: wordsIn(all) })
          if (sequenceLength === 128) expect([seen, dev.left]).toEqual([wordsIn(all), []])
          else if (seen < wordsIn(all)) expect(dev.left[0]).toMatch(`${wordsIn(all) - seen} word`)
        }
      ),
      { numRuns: 30 }
    )
  })

  it.each([chunk, ner])('score 100 in spans, by both ways to decode: $name', async (task) => {
    await fc.assert(
      fc.asyncProperty(bio, async (all) => {
        const files = { 'train.txt': columns(all), 'dev.txt': columns(all) }
        const made = right(await prepared(task, files, { sequenceLength: 64 }))
        const { dev } = made.splits
        const { report, files: written } = dev.judge(perfect(dev, labelsOf(made)))
        const spans = all.flat().filter(([, tag]) => tag.startsWith('B')).length
        const best = spans === 0 ? 0 : 100
        expect(report).toEqual({
          ...{ f1: best, precision: best, recall: best, spans },
          ...{ seqeval_f1: best, seqeval_precision: best, seqeval_recall: best }
        })
        expect(written['predictions.txt']).toBe(
          all.map((words) => words.map(([text, tag]) => `${text} ${tag} ${tag}\n`).join('') + '\n').join('')
        )
      }),
      { numRuns: 20 }
    )
  })
})

describe('tags of any kind', () => {
  it('are judged', async () => {
    await fc.assert(
      fc.asyncProperty(
        sentences(
          fc.oneof(
            spanTag,
            fc.string({ unit: 'grapheme', minLength: 1 }).filter((t) => /^\S+$/u.test(t))
          ),
          12
        ),
        fc.array(fc.double(), { minLength: 7, maxLength: 7 }),
        async (all, numbers) => {
          const files = { 'train.txt': columns(all), 'dev.txt': columns(all) }
          for (const task of [pos, chunk]) {
            const made = right(await prepared(task, files, { sequenceLength: 12 }))
            const { dev } = made.splits
            const count = dev.rows.arrays.labels.length * labelsOf(made).length
            const { report, files: written } = dev.judge({
              logits: Array.from({ length: count }, (_, i) => numbers[i % numbers.length])
            })
            for (const value of Object.values(report)) expect(value).toBeGreaterThanOrEqual(0)
            expect(written['predictions.txt'].split('\n').filter((line) => line !== '')).toHaveLength(wordsIn(all))
          }
        }
      ),
      { numRuns: 30 }
    )
  })

  it('are the first of the likeliest', () => {
    const logits = [1, 1, 0, 0, 2, 3, 9, 9, 9, 0, 1, 1, 0, 0, 0, 0, 0, 0]
    expect(likeliestTags(['a', 'b', 'c'], { seen: [2, 1], words: 3 })({ logits })).toEqual([['a', 'c'], ['b']])
  })
})

describe('the tags that are learnt', () => {
  it('are those of all splits, sorted by code unit; of spans as BIOES', async () => {
    const files = {
      'train.txt': columns([
        [
          ['a', 'I-NP'],
          ['b', 'I-NP'],
          ['c', 'I-VP'],
          ['d', 'O'],
          ['e', 'I-NP']
        ]
      ]),
      'valid.txt': columns([
        [
          ['a', 'B-np'],
          ['b', 'I-np']
        ]
      ]),
      'test.txt': columns([[['a', 'B-PP']]])
    }
    // The published code joins I-NP I-NP I-VP to one VP.
    expect(right(await prepared(chunk, files)).exported).toEqual({
      _tag: 'Tagging',
      labels: ['B-VP', 'B-np', 'E-VP', 'E-np', 'I-VP', 'O', 'S-NP', 'S-PP']
    })
    const made = right(await prepared(pos, files))
    expect(labelsOf(made)).toEqual(['B-PP', 'B-np', 'I-NP', 'I-VP', 'I-np', 'O'])
    expect(Object.keys(made.splits)).toEqual(['train', 'dev', 'test'])
  })

  it('are the universal or the own ones of a treebank, whatever its language is called', async () => {
    const files = {
      'en_x-ud-train.conllu': conllu([
        [
          ['a', 'DET'],
          ['cat', 'NOUN']
        ]
      ]),
      'en_x-ud-dev.conllu': conllu([[['a', 'DET']]])
    }
    expect(labelsOf(right(await prepared(pos, files)))).toEqual(['DET', 'NOUN'])
    expect(labelsOf(right(await prepared(xpos, files)))).toEqual(['det', 'noun'])
    const two = { ...files, 'de_y-ud-train.conllu': files['en_x-ud-train.conllu'] }
    expect(left(await prepared(pos, two))).toMatchObject({
      reason: 'found de_y-ud-train.conllu, en_x-ud-train.conllu, expected one file called *-ud-train.conllu'
    })
  })
})

describe('a prepared task of tags', () => {
  const files = {
    'train.txt': columns([
      [
        ['a', 'X'],
        ['b', 'X'],
        ['c', 'Y']
      ]
    ]),
    'dev.txt': columns([
      [
        ['a', 'X'],
        ['b', 'Y'],
        ['c', 'Y'],
        ['d', 'Z']
      ]
    ])
  }

  it('has as baseline the tag that most words to train on have', async () => {
    const [accuracy] = right(await prepared(pos, files)).columns
    expect(accuracy.baselines?.({}, {})).toEqual({ noContext: 25, chance: 100 / 3 })
  })

  it('has a row of arrays for each placeholder of its network, whichever the head', async () => {
    for (const head of ['official', 'huggingface'] as const) {
      const { network, splits } = right(await prepared(pos, files, { head }))
      for (const { rows } of Object.values(splits))
        for (const [name, { shape }] of Object.entries(network.batchSpec(rows.count, settings.sequenceLength)))
          expect([name, rows.arrays[name].length]).toEqual([name, shape.reduce((n, d) => n * d, 1)])
    }
  })
})
