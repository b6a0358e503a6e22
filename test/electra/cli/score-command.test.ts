/** Scores and re-ranking as a person asks for them. */

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { corpusIn, remove, temporary, textOf } from '../training/runs.js'
import { jsonLines, pureElectra, type Ran } from './cli.js'

let directory = ''
const at = (...names: ReadonlyArray<string>): string => join(directory, ...names)

const trained = (objective: string, settings: ReadonlyArray<string> = [], name = objective): Promise<Ran> =>
  pureElectra(
    ...['pretrain', '--config', 'nano', '--corpus', at('text.corpus'), '--out', at(name), '--steps', '2'],
    ...[`objective=${objective}`, 'model.layers=1', ...settings].flatMap((setting) => ['--set', setting])
  )

beforeAll(async () => {
  directory = await temporary()
  await corpusIn(directory, 'text', textOf(52))
  for (const run of [
    await trained('electric', ['generator.kind=two-tower']),
    await trained('mlm'),
    await trained('electra'),
    await trained('electra', ['generator.kind=uniform'], 'uniform'),
    await trained('electra', ['disallowCorrect=true'], 'disallowing')
  ])
    expect(run.code).toBe(0)
}, 120_000)
afterAll(() => remove(directory))

type Scored = {
  readonly text: string
  readonly logLikelihood: number
  readonly tokens: ReadonlyArray<[string, number]>
}

describe('score', () => {
  it.each(['electric', 'mlm', 'electra'])(
    'of a run of %s is the sum over the pieces of each text',
    async (objective) => {
      const texts = ['the cat sings', 'a dog']
      const ended = await pureElectra('score', '--model', at(objective), '--json', ...texts)
      const lines = jsonLines(ended) as unknown as ReadonlyArray<Scored>
      expect(lines.map(({ text }) => text)).toEqual(texts)
      for (const { text, logLikelihood, tokens } of lines) {
        expect(tokens.map(([piece]) => piece.replace('##', '')).join('')).toBe(text.replaceAll(' ', ''))
        expect(logLikelihood).toBeCloseTo(
          tokens.reduce((sum, [, x]) => sum + x, 0),
          9
        )
      }
    }
  )

  it('of a discriminator whose generator implies nothing, or of a model directory that nobody has named, is refused in a sentence that says what can be asked', async () => {
    for (const run of ['uniform', 'disallowing']) {
      const refused = await pureElectra('score', '--model', at(run), 'the cat')
      expect(refused.code).toBe(1)
      expect(refused.stderr).toMatch(/found a run of the objective 'electra', expected one of electra, mlm, electric/)
    }
    const unnamed = await pureElectra('score', '--model', at('electra', 'model', 'generator'), 'the cat')
    expect(unnamed.stderr).toMatch(/expected --as electric or --as masked-lm/)
    const asked = await pureElectra(
      'score',
      '--model',
      at('electra', 'model', 'generator'),
      '--as',
      'masked-lm',
      'the cat'
    )
    expect(asked.code).toBe(0)
    expect(asked.stdout).toMatch(/^-\d+\.\d{3}\tthe cat\n$/)
  })

  it('is what Electric is asked: its energies are no probabilities of having been replaced', async () => {
    const { code, stderr } = await pureElectra('predict', '--model', at('electric'), 'the cat')
    expect(code).toBe(1)
    expect(stderr).toMatch(/objective 'electric'.*ask `pure-electra score`/)
  })
})

describe('rerank', () => {
  const lists = [
    {
      id: 'one',
      hypotheses: [
        { text: 'a dog', score: -1 },
        { text: 'the cat', score: -2 }
      ],
      reference: 'the cat'
    },
    { id: 'two', hypotheses: [{ text: 'the tree', score: -3 }] }
  ]

  it('weighs scores and likelihoods, and chooses the weight by the references', async () => {
    await writeFile(at('lists.jsonl'), lists.map((list) => `${JSON.stringify(list)}\n`).join('\n'))
    const alone = await pureElectra('rerank', '--model', at('mlm'), '--lambda', '0', at('lists.jsonl'))
    expect(alone.stdout).toBe('one\ta dog\ntwo\tthe tree\n')
    expect(alone.stderr).toMatch(/word error rate 100\.00 % by the scores alone/)
    const chosen = await pureElectra('rerank', '--model', at('mlm'), '--json', at('lists.jsonl'))
    expect(jsonLines(chosen)).toMatchObject([{ id: 'one' }, { id: 'two', text: 'the tree' }])
  })

  it.each([
    ['no JSON', '{', /line 1: found /],
    ['no hypotheses', '{"id":"x","hypotheses":[]}', /line 1: found something else at hypotheses/],
    ['a score that is text', '{"id":"x","hypotheses":[{"text":"a","score":"1"}]}', /hypotheses\.0\.score/],
    ['nothing to choose a weight by', '{"id":"x","hypotheses":[{"text":"a","score":1}]}', /found no --lambda/]
  ])('names %s', async (_, text, message) => {
    await writeFile(at('bad.jsonl'), text)
    const { code, stderr } = await pureElectra('rerank', '--model', at('mlm'), at('bad.jsonl'))
    expect(code).toBe(1)
    expect(stderr).toMatch(message)
  })
})
