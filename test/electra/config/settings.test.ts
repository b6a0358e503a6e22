import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { resolve } from 'node:path'
import { format, resolveConfig as prettierConfig } from 'prettier'
import { describe, expect, it } from 'vitest'
import { meanings, valueAt } from '../../../src/electra/config/reference.js'
import { showConfigError } from '../../../src/electra/config/config.js'
import { parseConfig, presetConfig, resolveConfig } from '../../../src/electra/config/resolve.js'
import { configKeys } from '../../../src/electra/config/schema.js'
import { configReference } from './reference-page.js'

/** A value that differs from the preset's, for each key. */
const examples: Readonly<Record<string, unknown>> = {
  name: '1e3',
  objective: 'mlm',
  sequenceLength: 12,
  batchSize: 8,
  shards: 4,
  maskProbability: 0.25,
  replaceProbability: 1,
  sampleWithReplacement: true,
  temperature: 2,
  generatorWeight: 0,
  discriminatorWeight: 10,
  'model.hiddenSize': 32,
  'model.layers': 3,
  'model.maxPositions': 64,
  'model.typeVocabSize': 3,
  'model.hiddenDropout': 0,
  'model.attentionDropout': 0.5,
  'model.layerNormEps': 1e-5,
  'model.initializerRange': 0.1,
  'model.embeddingSize': 16,
  'model.heads': 4,
  'model.feedForwardSize': 48,
  'generator.hiddenMultiplier': 0.5,
  'generator.layersMultiplier': 0.5,
  'generator.hiddenSize': 8,
  'generator.layers': 1,
  'generator.heads': 2,
  'generator.feedForwardSize': 20,
  'optimizer.learningRate': 2.5e-4,
  'optimizer.warmupSteps': 7,
  'optimizer.decayPower': 2,
  'optimizer.weightDecay': 0,
  'optimizer.b1': 0.8,
  'optimizer.b2': 0.98,
  'optimizer.eps': 1e-8,
  'optimizer.clipNorm': 5,
  'training.steps': 21,
  'training.checkpointEvery': 6,
  'training.keepCheckpoints': 3,
  'training.evaluationBatches': 1
}

const nested = (path: string, value: unknown): Readonly<Record<string, unknown>> => {
  const [section, key] = path.split('.')
  return key === undefined ? { [section]: value } : { [section]: { [key]: value } }
}

const shownError = (...settings: ReadonlyArray<string>): string => {
  const resolved = presetConfig('nano', settings)
  return E.isLeft(resolved) ? showConfigError(resolved.left) : 'no error'
}

describe('a setting', () => {
  const known = configKeys.filter(({ path }) => path in examples).map(({ path }) => path)

  it.each(known)('of %s says what a file that extends the preset says', (path) => {
    const set = presetConfig('nano', [`${path}=${String(examples[path])}`])
    expect(E.isRight(set)).toBe(true)
    expect(set).toEqual(resolveConfig({ extends: 'nano', ...nested(path, examples[path]) }))
    expect(set).not.toEqual(presetConfig('nano'))
  })

  it.each(known)('of %s changes that value of a complete file', (path) => {
    const file = JSON.stringify(E.toUnion(presetConfig('nano', ['objective=electra'])))
    const set = parseConfig(file, [`${path}=${String(examples[path])}`])
    if (path === 'objective') expect(E.isLeft(set)).toBe(true)
    else if (path.endsWith('Multiplier')) expect(E.isRight(set)).toBe(true)
    else expect(valueAt(E.toUnion(set), path)).toBe(examples[path])
  })

  it('lies over those before it', () => {
    const both = presetConfig('nano', ['batchSize=16', 'optimizer.b1=0.5', 'batchSize=8'])
    expect(both).toEqual(resolveConfig({ extends: 'nano', batchSize: 8, optimizer: { b1: 0.5 } }))
  })

  it('takes the place of its rival in a file', () => {
    const file = '{"extends":"nano","generator":{"hiddenMultiplier":0.5}}'
    const set = parseConfig(file, ['generator.hiddenSize=8'])
    expect(valueAt(E.toUnion(set), 'generator.hiddenSize')).toBe(8)
  })

  it.each([
    [
      'optimiser.learningRate=1',
      /optimiser\.learningRate: found an unknown key, .*nearest is 'optimizer\.learningRate'/
    ],
    ['learning_rate=1', /learning_rate: found an unknown key, .*nearest is 'optimizer\.learningRate'/],
    ['extends=small', /extends: found an unknown key, expected a known one \(`pure-electra config NAME` lists them\)$/],
    ['__proto__.x=1', /__proto__\.x: found an unknown key/],
    ['model=1', /model: found an unknown key/],
    ['batchSize', /batchSize: found no value, expected KEY=VALUE/],
    ['=3', /=3: found no value/],
    ['batchSize=', /batchSize: found "", expected an integer/],
    ['batchSize=many', /batchSize: found "many", expected an integer/],
    ['batchSize=1.5', /batchSize: found 1.5, expected an integer/],
    ['sampleWithReplacement=1', /sampleWithReplacement: found 1, expected true or false/],
    ['shards=3', /shards: found 3, expected a divisor of batchSize, 4/]
  ])('%s is refused in one sentence', (setting, words) => {
    expect(shownError(setting)).toMatch(words)
    expect(shownError(setting).split('\n')).toHaveLength(2)
  })

  it('never throws, whatever it is', () => {
    const path = fc.constantFrom(...configKeys.map((k) => k.path), '', '__proto__', 'a.b.c', 'model.')
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.string(),
            fc.tuple(path, fc.string()).map((x) => x.join('='))
          )
        ),
        (settings) => {
          const resolved = presetConfig('nano', settings)
          if (E.isLeft(resolved)) expect(showConfigError(resolved.left)).toMatch(/^the configuration has /)
        }
      )
    )
  })
})

describe('the reference of keys', () => {
  it('gives a meaning to every key of the schema and to nothing else', () => {
    expect(Object.keys(meanings).sort()).toEqual(configKeys.map(({ path }) => path).sort())
    expect(configKeys.filter(({ accepts }) => accepts === '')).toEqual([])
  })

  it('is the page in docs/ (`vitest run FILE -u` writes it anew)', async () => {
    const page = 'docs/configuration.md'
    const options = await prettierConfig(resolve(page))
    const small = E.toUnion(presetConfig('small'))
    await expect(await format(configReference(small), { ...options, filepath: page })).toMatchFileSnapshot(
      resolve(page)
    )
  })
})
