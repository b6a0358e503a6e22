import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { ElectraConfig } from '../../../../src/electra/config/config.js'
import { resolveConfig } from '../../../../src/electra/config/resolve.js'
import { showStoreError, type Half, type StoreError } from '../../../../src/electra/store/errors.js'
import { parseHfConfig, printHfConfig } from '../../../../src/electra/store/models/hf-config.js'
import { hfShapes } from '../../../../src/electra/store/models/hf-tensors.js'
import { exportModel, importModel, type TrainedModel } from '../../../../src/electra/store/models/model-files.js'
import { decode, encode } from '../../../../src/tensor/safetensors.js'
import { sizeOf, type Shape } from '../../../../src/tensor/shape.js'
import type { NamedStored } from '../../../../src/tensor/stored.js'
import { inDirectory, leftOf, preset, rightOf } from '../checkpoints/checkpoint-cases.js'
import { exportedNetwork, exportOf } from './exported.js'

const vocabSize = 11

const mlm = (): ElectraConfig => {
  const resolved = resolveConfig({ extends: 'nano', objective: 'mlm' })
  if (E.isLeft(resolved)) throw new Error('the case is not a configuration')
  return resolved.right
}

/** Distinct values in every tensor. */
const filled = (name: string, shape: Shape): NamedStored => ({
  name,
  dtype: 'F32',
  shape,
  data: Float32Array.from({ length: sizeOf(shape) }, (_, i) => name.length + i / 1000)
})

/** A run's parameters: both networks, the embeddings once; or the one network of the masked-LM baseline. */
const paramsOf = (config: ElectraConfig): ReadonlyArray<NamedStored> => {
  const half = (which: 'discriminator' | 'generator') =>
    [...hfShapes(exportedNetwork(config, vocabSize, which), which)].map(([name, shape]) =>
      filled(`${which}.${name}`, shape)
    )
  return config.objective === 'mlm'
    ? half('generator')
    : [...half('discriminator'), ...half('generator').filter(({ name }) => !name.includes('.electra.embeddings.'))]
}

const model = (config: ElectraConfig): TrainedModel => ({
  config,
  vocabSize,
  params: paramsOf(config),
  tokenizer: { 'vocab.txt': '[PAD]\n' }
})

const valuesByName = (xs: ReadonlyArray<NamedStored>): ReadonlyMap<string, unknown> =>
  new Map(xs.map(({ name, dtype, shape, data }) => [name, [dtype, shape, [...data]]]))

const rewritten = async (
  path: string,
  change: (xs: ReadonlyArray<NamedStored>) => ReadonlyArray<NamedStored>
): Promise<void> => {
  const decoded = decode(await readFile(path))
  if (E.isLeft(decoded)) throw new Error('not a file to change')
  await writeFile(path, encode(change([...decoded.right.tensors].map(([name, x]) => ({ ...x, name })))))
}

/** What reading the export of one half says after its tensors were changed. */
const afterChange = (
  half: 'discriminator' | 'generator',
  wanted: Half,
  change: (xs: ReadonlyArray<NamedStored>) => ReadonlyArray<NamedStored>
) =>
  inDirectory(async (directory) => {
    const path = await rightOf(
      exportModel(join(directory, 'model'), exportOf(preset('nano'), half), model(preset('nano')))
    )
    await rewritten(join(path, 'model.safetensors'), change)
    return importModel(path, wanted)()
  })

describe('the tensors of a model', () => {
  // Transformers' models with the settings of the paper, counted by summing their parameters.
  it.each([
    ['small', 'encoder', 13_483_008],
    ['small', 'discriminator', 13_549_057],
    ['small', 'generator', 4_620_026],
    ['base', 'encoder', 108_891_648],
    ['base', 'discriminator', 109_483_009],
    ['base', 'generator', 33_740_602],
    ['large', 'encoder', 334_092_288],
    ['large', 'discriminator', 335_142_913],
    ['large', 'generator', 51_295_290]
  ] as const)('of %s: the %s has %i parameters', (name, half, count) => {
    const network = exportedNetwork(preset(name), 30522, half === 'generator' ? 'generator' : 'discriminator')
    expect([...hfShapes(network, half).values()].reduce((n, shape) => n + sizeOf(shape), 0)).toBe(count)
  })
})

describe('an exported model', () => {
  it('is a directory that imports to the same tensors, half by half', () =>
    inDirectory(async (directory) => {
      const run = model(preset('nano'))
      for (const half of ['discriminator', 'generator'] as const) {
        const path = await rightOf(exportModel(join(directory, half), exportOf(run.config, half), run))
        expect((await readdir(path)).sort()).toEqual(['config.json', 'model.safetensors', 'vocab.txt'])
        const { network, tensors } = await rightOf(importModel(path, half))
        expect(network).toEqual(exportedNetwork(run.config, vocabSize, half))
        const mine = run.params.filter(({ name }) => name.startsWith(`${half}.`))
        const shared = run.params.filter(({ name }) => name.startsWith('discriminator.electra.embeddings.'))
        const expected = [...shared, ...mine].map((x) => ({ ...x, name: x.name.replace(/^\w+\./, '') }))
        expect(valuesByName(tensors)).toEqual(valuesByName(expected))
      }
    }))

  it('of the masked-LM baseline has its own embeddings, and no discriminator', () =>
    inDirectory(async (directory) => {
      const run = model(mlm())
      const path = await rightOf(exportModel(join(directory, 'mlm'), exportOf(run.config, 'generator'), run))
      const { tensors } = await rightOf(importModel(path, 'generator'))
      expect(valuesByName(tensors)).toEqual(
        valuesByName(run.params.map((x) => ({ ...x, name: x.name.slice('generator.'.length) })))
      )
      const e = await leftOf(exportModel(join(directory, 'none'), exportOf(preset('nano'), 'discriminator'), run))
      expect(e).toMatchObject({ _tag: 'TensorsDiffer', unexpected: [] })
      expect((await readdir(directory)).sort()).toEqual(['mlm'])
    }))

  it('does not overwrite what is there', () =>
    inDirectory(async (directory) => {
      const path = join(directory, 'model')
      await mkdir(path)
      expect(await leftOf(exportModel(path, exportOf(preset('nano'), 'generator'), model(preset('nano'))))).toEqual({
        _tag: 'AlreadyExists',
        path
      })
    }))

  it('says where it comes from, as transformers wants', () =>
    inDirectory(async (directory) => {
      const path = await rightOf(
        exportModel(join(directory, 'model'), exportOf(preset('nano'), 'discriminator'), model(preset('nano')))
      )
      const decoded = decode(await readFile(join(path, 'model.safetensors')))
      expect(E.isRight(decoded) && decoded.right.metadata).toEqual({ format: 'pt' })
    }))
})

describe('an imported model', () => {
  const word = 'electra.embeddings.word_embeddings.weight'

  it.each<
    readonly [
      string,
      'discriminator' | 'generator',
      Half,
      (x: ReadonlyArray<NamedStored>) => ReadonlyArray<NamedStored>
    ]
  >([
    ['as it is', 'discriminator', 'discriminator', (xs) => xs],
    [
      'with position ids',
      'discriminator',
      'discriminator',
      (xs) => [
        ...xs,
        { name: 'electra.embeddings.position_ids', dtype: 'I64', shape: [1, 2], data: BigInt64Array.of(0n, 1n) }
      ]
    ],
    [
      'with the tied softmax written out',
      'generator',
      'generator',
      (xs) => [...xs, ...xs.filter((x) => x.name === word).map((x) => ({ ...x, name: 'generator_lm_head.weight' }))]
    ],
    ['for its body alone', 'generator', 'encoder', (xs) => xs],
    [
      'for its body alone, fine-tuned',
      'discriminator',
      'encoder',
      (xs) => [
        ...xs.filter((x) => x.name.startsWith('electra.')),
        { name: 'classifier.dense.weight', dtype: 'F32', shape: [1], data: Float32Array.of(1) }
      ]
    ],
    [
      'without prefix, as a bare ElectraModel',
      'discriminator',
      'encoder',
      (xs) =>
        xs.filter((x) => x.name.startsWith('electra.')).map((x) => ({ ...x, name: x.name.slice('electra.'.length) }))
    ],
    [
      'with tensors that no part of it has',
      'discriminator',
      'discriminator',
      (xs) => [...xs, { name: 'electra.pooler.weight', dtype: 'F32', shape: [0], data: new Float32Array(0) }]
    ],
    [
      "under TensorFlow's names of a layer norm",
      'generator',
      'generator',
      (xs) =>
        xs.map((x) => ({
          ...x,
          name: x.name.replace('LayerNorm.weight', 'LayerNorm.gamma').replace('LayerNorm.bias', 'LayerNorm.beta')
        }))
    ],
    [
      'in bfloat16',
      'discriminator',
      'discriminator',
      (xs) => xs.map(({ name, shape, data }) => ({ name, dtype: 'BF16', shape, data: new Uint16Array(data.length) }))
    ]
  ])('is read %s', async (_, half, wanted, change) => {
    const read = await afterChange(half, wanted, change)
    const expected = hfShapes(exportedNetwork(preset('nano'), vocabSize, half), wanted)
    expect(E.isRight(read) && new Map(read.right.tensors.map((x) => [x.name, x.shape]))).toEqual(expected)
    expect(
      E.isRight(read) && read.right.tensors.every((x) => x.dtype === 'F32' && x.data instanceof Float32Array)
    ).toBe(true)
  })

  it.each<
    readonly [
      string,
      'discriminator' | 'generator',
      Half,
      (x: ReadonlyArray<NamedStored>) => ReadonlyArray<NamedStored>,
      Partial<StoreError>,
      RegExp
    ]
  >([
    [
      'the other half',
      'generator',
      'discriminator',
      (xs) => xs,
      { _tag: 'WrongHalf', found: 'generator', expected: 'discriminator' },
      /this is a generator \(ElectraForMaskedLM.*expected a discriminator/
    ],
    [
      'a body without the head',
      'discriminator',
      'generator',
      (xs) => xs.filter((x) => x.name.startsWith('electra.')),
      { _tag: 'WrongHalf', found: 'encoder', expected: 'generator' },
      /this is an encoder without a head/
    ],
    [
      'a missing tensor',
      'discriminator',
      'discriminator',
      (xs) => xs.filter((x) => x.name !== word),
      { _tag: 'TensorsDiffer', missing: [word], unexpected: [] },
      /Missing: electra\.embeddings\.word_embeddings\.weight\./
    ],
    [
      'another shape',
      'discriminator',
      'discriminator',
      (xs) => xs.map((x) => (x.name === word ? { ...x, shape: [8, 11] } : x)),
      { _tag: 'TensorsDiffer', wrongShapes: [{ name: word, found: [8, 11], expected: [11, 8] }] },
      /word_embeddings\.weight is \[8, 11\] instead of \[11, 8\]/
    ],
    [
      'a softmax that is not tied',
      'generator',
      'generator',
      (xs) => [...xs, filled('generator_lm_head.weight', [11, 8])],
      { _tag: 'Corrupt', found: 'a generator_lm_head.weight of its own' },
      /expected the values of electra\.embeddings\.word_embeddings\.weight/
    ],
    [
      'double precision',
      'discriminator',
      'discriminator',
      (xs) =>
        xs.map((x) =>
          x.name === word ? { name: word, dtype: 'F64', shape: x.shape, data: new Float64Array(x.data.length) } : x
        ),
      { _tag: 'Corrupt', found: `${word} in F64` },
      /expected F32, F16 or BF16/
    ]
  ])('that is %s is refused', async (_, half, wanted, change, expected, text) => {
    const read = await afterChange(half, wanted, change)
    expect(read).toMatchObject(E.left(expected))
    expect(E.isLeft(read) && showStoreError(read.left)).toMatch(text)
  })
})

describe('config.json', () => {
  const parse = parseHfConfig('config.json')

  it('describes the network it was written for', () => {
    for (const name of ['small', 'base', 'large', 'tiny', 'demo', 'nano'] as const)
      for (const half of ['discriminator', 'generator'] as const) {
        const network = exportedNetwork(preset(name), vocabSize, half)
        expect(parse(printHfConfig(network, half))).toEqual(E.right(network))
      }
  })

  it('without a key means the small discriminator', () => {
    expect(parse('{}')).toEqual(E.right(exportedNetwork(preset('small'), 30522, 'discriminator')))
  })

  it('may hold keys of other versions', () => {
    expect(
      E.isRight(parse('{"model_type":"electra","transformers_version":"4.1.0","task_specific_params":{"a":[1]}}'))
    ).toBe(true)
  })

  it.each([
    ['{"model_type":"bert"}', 'model_type = "bert"', "'electra'"],
    ['{"hidden_size":"256"}', 'hidden_size = "256"', 'a positive integer'],
    ['{"hidden_size":0}', 'hidden_size = 0', 'a positive integer'],
    ['{"hidden_act":"relu"}', 'hidden_act = "relu"', 'the only activation'],
    ['{"position_embedding_type":"relative_key"}', 'position_embedding_type = "relative_key"', 'the only kind'],
    ['{"is_decoder":true}', 'is_decoder = true', 'false'],
    ['{"add_cross_attention":true}', 'add_cross_attention = true', 'false'],
    ['{"hidden_act":"gelu_new"}', 'hidden_act = "gelu_new"', 'the only activation'],
    ['{"num_attention_heads":3}', 'num_attention_heads = 3', 'a divisor of hidden_size, 256'],
    ['{"hidden_dropout_prob":1}', 'hidden_dropout_prob = 1', 'from 0 to below 1'],
    ['[]', '[]', 'an object'],
    ['{', 'text that is not JSON', 'a JSON object']
  ])('%s is refused', (text, found, expected) => {
    const parsed = parse(text)
    expect(parsed).toMatchObject(E.left({ _tag: 'Corrupt', path: 'config.json' }))
    expect(E.isLeft(parsed) && showStoreError(parsed.left)).toContain(found)
    expect(E.isLeft(parsed) && showStoreError(parsed.left)).toContain(expected)
  })

  it('never throws, whatever the JSON', () => {
    const key = fc.constantFrom('hidden_size', 'model_type', 'num_attention_heads', 'x', '__proto__')
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json(),
          fc.dictionary(key, fc.jsonValue()).map((x) => JSON.stringify(x))
        ),
        (text) => {
          const parsed = parse(text)
          if (E.isLeft(parsed)) expect(showStoreError(parsed.left)).toMatch(/^config\.json: found/)
        }
      ),
      { numRuns: 500 }
    )
  })
})
