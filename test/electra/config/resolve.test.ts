import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { showConfigError } from '../../../src/electra/config/config.js'
import { parseConfig, resolveConfig } from '../../../src/electra/config/resolve.js'
import type { ElectraConfig } from '../../../src/electra/config/config.js'
import type { ConfigProblem } from '../../../src/electra/config/schema.js'
import { presetNames } from '../../../src/electra/config/presets.js'

const right = (input: unknown): ElectraConfig => {
  const resolved = resolveConfig(input)
  if (E.isLeft(resolved)) throw new Error(showConfigError(resolved.left))
  return resolved.right
}

const problems = (input: unknown): ReadonlyArray<ConfigProblem> => {
  const resolved = resolveConfig(input)
  return E.isLeft(resolved) ? resolved.left.problems : []
}

const overrides = fc.record(
  {
    extends: fc.constantFrom(...presetNames),
    objective: fc.constantFrom('electra', 'mlm'),
    sharing: fc.constantFrom('embeddings', 'none', 'all'),
    generator: fc.record({ kind: fc.constantFrom('masked-lm', 'uniform', 'unigram') }, { requiredKeys: [] }),
    name: fc.string({ minLength: 1, maxLength: 20 }),
    shards: fc.constantFrom(1, 2, 4),
    sequenceLength: fc.constantFrom(16, 32, 64),
    model: fc.record({ hiddenSize: fc.integer({ min: 1, max: 20 }).map((n) => n * 64) }, { requiredKeys: [] }),
    optimizer: fc.record({ learningRate: fc.constantFrom(1e-3, 5e-4) }, { requiredKeys: [] })
  },
  { requiredKeys: ['extends'] }
)

describe('a resolved configuration', () => {
  it('is a file that resolves to itself', () => {
    fc.assert(
      fc.property(overrides, (file) => {
        const resolved = resolveConfig(file)
        fc.pre(E.isRight(resolved))
        expect(resolveConfig(JSON.parse(JSON.stringify(resolved.right)))).toEqual(resolved)
      })
    )
  })

  it('has what the file gives and the preset for the rest', () => {
    const small = right({ extends: 'small' })
    const mine = right({ extends: 'small', sequenceLength: 64, optimizer: { learningRate: 1e-3 } })
    expect(mine).toEqual({
      ...small,
      name: 'small, changed',
      sequenceLength: 64,
      optimizer: { ...small.optimizer, learningRate: 1e-3 }
    })
    expect(right({ extends: 'small', name: 'mine' }).name).toBe('mine')
  })

  it('derives heads and widths from the hidden size after overriding, but not where they are given', () => {
    expect(right({ extends: 'small', model: { hiddenSize: 128 } }).model).toMatchObject({
      embeddingSize: 128,
      heads: 2,
      feedForwardSize: 512
    })
    expect(right({ extends: 'base', model: { hiddenSize: 1536 } }).model).toMatchObject({
      embeddingSize: 1536,
      heads: 24,
      feedForwardSize: 6144
    })
    // The debug preset of the published code: heads of width 36.
    expect(right({ extends: 'small', model: { hiddenSize: 144, layers: 3, heads: 4 } }).model).toMatchObject({
      heads: 4,
      feedForwardSize: 576
    })
  })

  it.each([
    [256, 0.25, 64, 1, 256],
    [256, 0.5, 128, 2, 512],
    [256, 1, 256, 4, 1024],
    [768, 0.33333, 256, 4, 1024],
    [768, 0.25, 192, 3, 768],
    [768, 0.5, 384, 6, 1536],
    [1024, 0.25, 256, 4, 1024]
  ])('sizes the generator of %i at %d as the published code does', (hiddenSize, hiddenMultiplier, h, a, f) => {
    const { generator } = right({ extends: 'small', model: { hiddenSize }, generator: { hiddenMultiplier } })
    expect(generator).toEqual({ hiddenSize: h, layers: 12, heads: a, feedForwardSize: f })
  })

  it("keeps the model's own heads and widths from the generator", () => {
    const file = { extends: 'small', model: { heads: 8, feedForwardSize: 333 }, generator: { hiddenMultiplier: 1 } }
    expect(right(file).generator).toMatchObject({ hiddenSize: 256, heads: 4, feedForwardSize: 1024 })
  })

  it('takes explicit generator sizes, and scales layers by their own multiplier', () => {
    expect(right({ extends: 'small', generator: { hiddenSize: 96, heads: 3 } }).generator).toEqual({
      hiddenSize: 96,
      layers: 12,
      heads: 3,
      feedForwardSize: 384
    })
    expect(right({ extends: 'small', generator: { layersMultiplier: 0.21 } }).generator.layers).toBe(3)
  })

  it("gives the masked-LM baseline one network of the model's size", () => {
    const { model, generator } = right({ extends: 'small', objective: 'mlm' })
    const { hiddenSize, layers, heads, feedForwardSize } = model
    expect(generator).toEqual({ hiddenSize, layers, heads, feedForwardSize })
  })
})

describe('a configuration that does not hold', () => {
  it.each<readonly [string, unknown, string, string]>([
    ['a misspelt key', { extends: 'small', sequenceLenght: 3 }, 'sequenceLenght', "'sequenceLength'"],
    [
      'a key in another language',
      { extends: 'small', model: { hidden_size: 3 } },
      'model.hidden_size',
      "'model.hiddenSize'"
    ],
    ['a key in the wrong place', { extends: 'small', learningRate: 1 }, 'learningRate', "'optimizer.learningRate'"],
    ['a key of every object', JSON.parse('{"extends":"small","__proto__":{}}'), '__proto__', 'a known one'],
    [
      'a word of another world',
      { extends: 'small', foo: 1 },
      'foo',
      'a known one (`pure-electra config NAME` lists them)'
    ],
    ['an unknown preset', { extends: 'smal' }, 'extends', "the nearest is 'small'"],
    ['a preset that objects have', { extends: 'constructor' }, 'extends', 'one of small, base'],
    ['a number that is text', { extends: 'small', batchSize: '8' }, 'batchSize', 'an integer from 1'],
    ['a fraction', { extends: 'small', model: { layers: 1.5 } }, 'model.layers', 'an integer from 1'],
    ['more layers than any program holds', { extends: 'nano', model: { layers: 2e9 } }, 'model.layers', 'to 1000'],
    ['a batch beyond any memory', { extends: 'nano', batchSize: 2e9 }, 'batchSize', 'to 1048576'],
    ['more shards than are ever gone through', { extends: 'nano', batchSize: 8192, shards: 8192 }, 'shards', 'to 4096'],
    ['an integer too large', { extends: 'small', training: { steps: 2 ** 31 } }, 'training.steps', '2147483647'],
    ['a section that is none', { extends: 'small', model: 3 }, 'model', 'an object'],
    ['a probability above one', { extends: 'small', replaceProbability: 1.1 }, 'replaceProbability', 'from 0 to 1'],
    ['a dropout of everything', { extends: 'small', model: { hiddenDropout: 1 } }, 'model.hiddenDropout', 'below 1'],
    ['an objective of another paper', { extends: 'small', objective: 'gan' }, 'objective', 'one of electra, mlm'],
    ['no name', { extends: 'small', name: '' }, 'name', 'a short text'],
    [
      'heads that do not divide',
      { extends: 'small', model: { heads: 3 } },
      'model.heads',
      'a divisor of model.hiddenSize, 256'
    ],
    ['derived heads that do not divide', { extends: 'small', model: { hiddenSize: 200 } }, 'model.heads', 'a divisor'],
    [
      'a generator of no width',
      { extends: 'small', generator: { hiddenMultiplier: 0.001 } },
      'generator.hiddenSize',
      'at least 1'
    ],
    [
      'a sequence without positions',
      { extends: 'small', sequenceLength: 513 },
      'sequenceLength',
      'model.maxPositions, 512'
    ],
    ['a sequence too short', { extends: 'small', sequenceLength: 4 }, 'sequenceLength', 'an integer from 5'],
    ['shards that do not divide', { extends: 'small', shards: 3 }, 'shards', 'a divisor of batchSize, 128'],
    ['nothing masked', { extends: 'small', maskProbability: 0.001 }, 'maskProbability', 'enough to mask one of 128'],
    [
      'nothing trained',
      { extends: 'small', generatorWeight: 0, discriminatorWeight: 0 },
      'discriminatorWeight',
      'above 0'
    ],
    [
      'a size and its multiplier',
      { extends: 'small', generator: { hiddenSize: 64, hiddenMultiplier: 0.5 } },
      'generator.hiddenMultiplier',
      'one of the two'
    ],
    [
      'a generator for the baseline',
      { extends: 'small', objective: 'mlm', generator: { hiddenMultiplier: 0.5 } },
      'generator.hiddenMultiplier',
      "'mlm' has no network of another size"
    ],
    ['a list', [], '', 'an object'],
    ['nothing', null, '', 'an object']
  ])('%s is named', (_, input, path, expected) => {
    const found = problems(input)
    expect(found.map((p) => p.path)).toEqual([path])
    expect(found[0].expected).toContain(expected)
  })

  it('is told everything at once', () => {
    const found = problems({ extends: 'small', modle: {}, batchSize: 0, optimizer: { b1: 1, b3: 0 } })
    expect(found.map((p) => p.path).sort()).toEqual(['batchSize', 'modle', 'optimizer.b1', 'optimizer.b3'])
    const meaning = problems({ extends: 'small', shards: 3, model: { heads: 5 }, sequenceLength: 600 })
    expect(meaning.map((p) => p.path).sort()).toEqual(['model.heads', 'sequenceLength', 'shards'])
  })

  it('without a preset misses every key that is not derived', () => {
    const paths = problems({}).map((p) => p.path)
    expect(paths).toEqual(expect.arrayContaining(['model', 'sequenceLength', 'optimizer', 'training', 'name']))
    expect(paths).not.toContain('generator')
  })

  it('is told in sentences', () => {
    const resolved = resolveConfig({ extends: 'small', batchSize: 0, shard: 1 })
    expect(E.isLeft(resolved) && showConfigError(resolved.left)).toBe(
      [
        'the configuration has 2 problems:',
        '  batchSize: found 0, expected an integer from 1 to 1048576',
        "  shard: found an unknown key, expected a known one: the nearest is 'shards'"
      ].join('\n')
    )
  })

  it('never throws, whatever the JSON', () => {
    const hostile = fc.oneof(fc.jsonValue(), fc.constantFrom(-1, 0, 0.5, 1e308, 'small', null))
    const section = fc.dictionary(fc.constantFrom('hiddenSize', 'heads', 'hiddenMultiplier', 'steps', 'x'), hostile)
    const file = fc.record(
      {
        extends: fc.oneof(fc.constantFrom(...presetNames), hostile),
        model: section,
        generator: section,
        shards: hostile
      },
      { requiredKeys: [] }
    )
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json(),
          file.map((x) => JSON.stringify(x))
        ),
        (text) => {
          const parsed = parseConfig(text)
          if (E.isLeft(parsed)) expect(showConfigError(parsed.left)).toMatch(/^the configuration has/)
        }
      ),
      { numRuns: 500 }
    )
  })

  it.each(['{', '{"extends":"small","extends":"base"}', '['.repeat(1000)])(
    'that is not good JSON is refused: %s',
    (text) => {
      expect(E.isLeft(parseConfig(text))).toBe(true)
    }
  )
})

describe('what generator and model share', () => {
  it("is everything with the model's sizes, and other sizes are refused", () => {
    const { model, generator } = right({ extends: 'nano', sharing: 'all' })
    const { hiddenSize, layers, heads, feedForwardSize } = model
    expect(generator).toEqual({ hiddenSize, layers, heads, feedForwardSize })
    const found = problems({
      extends: 'nano',
      sharing: 'all',
      generator: { hiddenMultiplier: 0.5, heads: model.heads }
    })
    expect(found.map(({ path }) => path)).toEqual(['generator.hiddenMultiplier'])
  })

  it.each(['uniform', 'unigram'])('is nothing with the generator %s, which has no parameters', (kind) => {
    const found = (sharing: string) =>
      problems({ extends: 'nano', sharing, generator: { kind } }).map(({ path }) => path)
    expect(found('none')).toEqual([])
    expect(found('embeddings')).toEqual(['sharing'])
    expect(found('all')).toEqual(['sharing'])
  })
})

describe('the shares of masked tokens', () => {
  it('that show [MASK] and a random piece are at most 1 together', () => {
    const found = (replaceProbability: number, randomProbability: number) =>
      problems({ extends: 'nano', replaceProbability, randomProbability }).map(({ path }) => path)
    expect([found(0.8, 0.1), found(0.9, 0.1), found(0.7, 0.3)]).toEqual([[], [], []])
    expect(found(0.85, 0.2)).toEqual(['randomProbability'])
  })
})

describe('electric', () => {
  it('asks for two towers, and for samples of their own law', () => {
    const found = (change: object) =>
      problems({ extends: 'nano', objective: 'electric', ...change }).map(({ path }) => path)
    const generator = { kind: 'two-tower' }
    expect(found({ generator })).toEqual([])
    expect(found({})).toEqual(['generator.kind'])
    expect(found({ generator, disallowCorrect: true })).toEqual(['disallowCorrect'])
    expect(found({ generator, sharing: 'all' })).toEqual(['sharing'])
  })
})
