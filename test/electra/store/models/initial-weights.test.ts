import * as E from 'fp-ts/lib/Either.js'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { ElectraConfig } from '../../../../src/electra/config/config.js'
import { resolveConfig } from '../../../../src/electra/config/resolve.js'
import { specialPieces, vocabularyOf } from '../../../../src/electra/data/vocabulary/vocabulary.js'
import { showStoreError, type Half } from '../../../../src/electra/store/errors.js'
import { objectiveNames, objectives } from '../../../../src/electra/objective/table.js'
import { hfShapes, type FloatTensor } from '../../../../src/electra/store/models/hf-tensors.js'
import {
  readInitialWeights,
  showInitialWeights,
  weightsFor,
  withInitial,
  type LoadedNetwork,
  type Receiver
} from '../../../../src/electra/store/models/initial-weights.js'
import { isParameterSpec } from '../../../../src/nn/index.js'
import { entries } from '../../../../src/tensor/tree.js'
import { exportModel } from '../../../../src/electra/store/models/model-files.js'
import { sizeOf, type Shape } from '../../../../src/tensor/shape.js'
import type { NamedStored } from '../../../../src/tensor/stored.js'
import { right } from '../../data/right.js'
import { inDirectory, leftOf, rightOf } from '../checkpoints/checkpoint-cases.js'
import { exportedNetwork, exportOf, objectiveFor } from './exported.js'

const pieces = [...specialPieces, 'a', 'b', '##b', 'c', 'd', 'e']
const vocabulary = right(vocabularyOf('test')(pieces))
const vocabSize = pieces.length

const nano = (given: object = {}): ElectraConfig => right(resolveConfig({ extends: 'nano', ...given }))
const mlm = nano({ objective: 'mlm' })
const longer = nano({ model: { maxPositions: 40 } })
const shorter = nano({ model: { maxPositions: 20 } })

const receiverOf = (config: ElectraConfig): Receiver => ({
  config,
  vocabSize,
  objective: objectiveFor(config, vocabSize)
})

const filled = (name: string, shape: Shape, value: number): FloatTensor => ({
  name,
  dtype: 'F32',
  shape,
  data: new Float32Array(sizeOf(shape)).fill(value)
})

const values = { discriminator: 1, generator: 2, encoder: 3 } as const

const loaded = (half: Half, config = nano()): LoadedNetwork => {
  const network = exportedNetwork(config, vocabSize, half === 'generator' ? 'generator' : 'discriminator')
  const tensors = [...hfShapes(network, half)].map(([name, shape]) => filled(name, shape, values[half]))
  return { directory: half, half, network, tensors }
}

/** A run's parameters as drawn: all 0. */
const drawn = (config: ElectraConfig): ReadonlyArray<NamedStored> => {
  const of = (half: 'discriminator' | 'generator') =>
    [...hfShapes(exportedNetwork(config, vocabSize, half), half)].map(([name, shape]) =>
      filled(`${half}.${name}`, shape, 0)
    )
  return config.objective === 'mlm'
    ? of('generator')
    : [...of('discriminator'), ...of('generator').filter(({ name }) => !name.includes('.electra.embeddings.'))]
}

/** The one value that each parameter is filled with after starting from these networks. */
const startedFrom = (config: ElectraConfig, halves: ReadonlyArray<Half>): Readonly<Record<string, number>> => {
  const { tensors } = right(weightsFor(receiverOf(config))(halves.map((half) => loaded(half))))
  const params = withInitial(tensors)(drawn(config))
  return Object.fromEntries(
    params.map(({ name, data }) => [name, new Set<unknown>(data).size === 1 ? Number(data[0]) : NaN])
  )
}

const isEmbedding = (name: string) => name.includes('.electra.embeddings.')

describe('a run that starts from', () => {
  it.each<readonly [string, ElectraConfig, ReadonlyArray<Half>, (name: string) => number]>([
    [
      'both networks has all of them, and embeddings of the discriminator',
      nano(),
      ['discriminator', 'generator'],
      (name) => (name.startsWith('discriminator.') ? 1 : 2)
    ],
    ['a discriminator draws its generator', nano(), ['discriminator'], (name) => (name.startsWith('disc') ? 1 : 0)],
    [
      'a generator draws all of its discriminator but the embeddings',
      nano(),
      ['generator'],
      (name) => (name.startsWith('generator.') || isEmbedding(name) ? 2 : 0)
    ],
    ['an encoder draws both heads', nano(), ['encoder'], (name) => (name.startsWith('discriminator.electra.') ? 3 : 0)],
    [
      'a discriminator, as the masked-LM baseline, has its body',
      mlm,
      ['discriminator'],
      (name) => (name.startsWith('generator.electra.') ? 1 : 0)
    ]
  ])('%s', (_, config, halves, expected) => {
    const started = startedFrom(config, halves)
    expect(started).toEqual(Object.fromEntries(Object.keys(started).map((name) => [name, expected(name)])))
  })

  it.each([
    ['fewer', longer],
    ['more', shorter]
  ])('a table of %s positions has the rows that both have', (_, config) => {
    const { tensors } = right(weightsFor(receiverOf(config))([loaded('discriminator')]))
    const positions = 'discriminator.electra.embeddings.position_embeddings.weight'
    const table = withInitial(tensors)(drawn(config)).find(({ name }) => name === positions)
    const rows = Array.from({ length: config.model.maxPositions }, (_, i) => (i < 32 ? 1 : 0))
    expect([...(table?.data ?? [])]).toEqual(rows.flatMap((x) => Array.from({ length: 8 }, () => x)))
  })

  it('a network of other sizes is refused in a sentence that names them', () => {
    const refused = weightsFor({ ...receiverOf(nano({ model: { heads: 4, layers: 1 } })), vocabSize: 12 })([
      loaded('discriminator')
    ])
    expect(E.isLeft(refused) && showStoreError(refused.left)).toBe(
      'discriminator: found vocabSize 11, layers 2, heads 2, expected the discriminator of this run: vocabSize 12, layers 1, heads 4'
    )
  })
})

describe('a directory to start from', () => {
  const written = async (directory: string, half: 'discriminator' | 'generator', vocab = pieces) => {
    const tokenizer = { 'vocab.txt': `${vocab.join('\n')}\n` }
    return rightOf(
      exportModel(directory, exportOf(nano(), half), { config: nano(), vocabSize, params: drawn(nano()), tokenizer })
    )
  }
  const read = (directory: string, config = nano()) => readInitialWeights(directory, receiverOf(config), vocabulary)

  it('is a finished run with both networks', () =>
    inDirectory(async (run) => {
      for (const half of ['discriminator', 'generator'] as const) await written(join(run, 'model', half), half)
      const weights = await rightOf(read(run, longer))
      expect(weights.from.map(({ half }) => half)).toEqual(['discriminator', 'generator'])
      expect(showInitialWeights('run', receiverOf(longer), weights)).toMatch(
        /^starts from run: discriminator and generator, [\d,]+ parameters; positions 32 to 39 are drawn; optimiser and schedule begin anew$/
      )
    }))

  // The towers of Electric's example are as wide as the embeddings, and are not exported.
  const ownSizes = objectiveNames.filter(
    (objective) => objectives[objective].generator === 'own sizes' && objective !== 'electric'
  )

  it.each([...ownSizes, 'mlm' as const])(
    'is a finished run of %s for another one of the same: all layers of all networks',
    (objective) =>
      inDirectory(async (run) => {
        const config = nano({
          objective,
          ...objectives[objective].example,
          ...(ownSizes.includes(objective) ? { generator: { hiddenSize: 4, heads: 1 } } : {})
        })
        const { exports, parameters } = objectiveFor(config, vocabSize)
        // No two parameters have the same values.
        const params = entries(isParameterSpec, parameters).map(([name, { shape }], i) => filled(name, shape, i + 1))
        const tokenizer = { 'vocab.txt': `${pieces.join('\n')}\n` }
        for (const exported of exports)
          await rightOf(
            exportModel(join(run, 'model', exported.name), exported, { config, vocabSize, params, tokenizer })
          )
        const { tensors } = await rightOf(read(run, config))
        const started = withInitial(tensors)(params.map(({ name, shape }) => filled(name, shape, 0)))
        const taken = started.filter(({ data }) => data.some((x) => Number(x) !== 0))
        expect(taken).toEqual(params.filter(({ name }) => taken.some((x) => x.name === name)))
        const left = started.flatMap(({ name, data }) => (data.every((x) => Number(x) === 0) ? [name] : []))
        expect(left.filter((name) => name.includes('.electra.'))).toEqual([])
      })
  )

  it('is a model directory of either network', () =>
    inDirectory(async (directory) => {
      const path = await written(join(directory, 'mine'), 'generator')
      expect(showInitialWeights('mine', receiverOf(nano()), await rightOf(read(path)))).toMatch(
        /^starts from mine: generator, [\d,]+ parameters; the discriminator's layers are drawn; optimiser/
      )
    }))

  it('whose vocabulary is another is refused with the first difference', () =>
    inDirectory(async (directory) => {
      const path = await written(join(directory, 'other'), 'generator', pieces.toSpliced(6, 2, 'x', 'y'))
      expect(showStoreError(await leftOf(read(path)))).toMatch(
        /vocab\.txt: found "x" with id 6, expected "b", as in the corpus: build the corpus with --vocab /
      )
    }))

  it('whose tokenizer.json is all there is has its vocabulary compared too', () =>
    inDirectory(async (directory) => {
      const path = await written(join(directory, 'own'), 'generator')
      await rm(join(path, 'vocab.txt'))
      const vocab = (more: object) => ({ ...Object.fromEntries(vocabulary.idOf), ...more })
      const save = (of: object) =>
        writeFile(join(path, 'tokenizer.json'), JSON.stringify({ model: { type: 'WordPiece', vocab: of } }))
      await save(vocab({}))
      expect((await rightOf(read(path))).from).toHaveLength(1)
      await save(vocab({ more: vocabSize }))
      expect(showStoreError(await leftOf(read(path)))).toMatch(
        /tokenizer\.json: found 12 pieces, expected 11, as in the corpus: build the corpus with --vocab .*tokenizer\.json/
      )
    }))

  it('that is an unfinished run, nothing, or no model says so', () =>
    inDirectory(async (directory) => {
      await mkdir(join(directory, 'checkpoints'))
      expect(showStoreError(await leftOf(read(directory)))).toMatch(/found a run that is not finished, expected/)
      expect(showStoreError(await leftOf(read(join(directory, 'none'))))).toMatch(/none.*could not read it/)
      await mkdir(join(directory, 'junk'))
      await writeFile(join(directory, 'junk', 'vocab.txt'), Buffer.of(255))
      expect(showStoreError(await leftOf(read(join(directory, 'junk'))))).toMatch(/bytes that are not UTF-8/)
    }))
})
