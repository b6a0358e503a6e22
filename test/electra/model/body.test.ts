import { pipe } from 'fp-ts/lib/function.js'
import { describe, expect, it } from 'vitest'
import { bodySpec, embed, embeddingsSpec, type Embeddings } from '../../../src/electra/model/body.js'
import { objectiveOf } from '../../../src/electra/objective/choose.js'
import { initialise, isParameterSpec } from '../../../src/nn/index.js'
import { random, take, tensor, type Shape } from '../../../src/tensor/index.js'
import { entries } from '../../../src/tensor/tree.js'
import { faultOf } from '../../plain.js'
import { configOf, distance, numbersByPath, numbersOf, scattered, vocabSize } from '../objective/cases.js'

const { model } = configOf()

describe('the embeddings', () => {
  const params = scattered<Embeddings>(embeddingsSpec(model, model, vocabSize, 0.02), 1)
  const read = (ids: ReadonlyArray<number>, types: ReadonlyArray<number>) => {
    const of = (xs: ReadonlyArray<number>) => tensor(Int32Array.from(xs), { shape: [1, xs.length] })
    return embed(model, undefined)(params)({ ids: of(ids), mask: of(ids.map(() => 1)), types: of(types) })
  }

  it('are the layer norm of word, type and position rows, positions counted from the left', () => {
    const rows = (table: keyof Omit<Embeddings, 'LayerNorm'>, ids: ReadonlyArray<number>) =>
      numbersOf(pipe(params[table].weight, take(tensor(Int32Array.from(ids)), 0)))
    const [ids, types] = [
      [7, 9, 7, 0],
      [0, 0, 1, 1]
    ]
    const [word, type, position] = [
      rows('word_embeddings', ids),
      rows('token_type_embeddings', types),
      rows('position_embeddings', [0, 1, 2, 3])
    ]
    const [scale, shift] = [numbersOf(params.LayerNorm.weight), numbersOf(params.LayerNorm.bias)]
    const width = model.embeddingSize
    const expected = ids.flatMap((_, t) => {
      const x = scale.map((_, e) => [word, type, position].reduce((sum, rows) => sum + rows[t * width + e], 0))
      const mean = x.reduce((a, b) => a + b, 0) / width
      const variance = x.reduce((a, b) => a + (b - mean) ** 2, 0) / width
      return x.map((v, e) => ((v - mean) / Math.sqrt(variance + 1e-12)) * scale[e] + shift[e])
    })
    const found = numbersOf(read(ids, types))
    // A few dozen roundings of 1.1e-16.
    found.forEach((v, i) => expect(Math.abs(v - expected[i])).toBeLessThan(1e-13))
  })

  it('refuse more tokens than there are positions', () => {
    const ids = new Array<number>(model.maxPositions + 1).fill(5)
    const types = ids.map(() => 0)
    expect(faultOf(() => read(ids, types))).toMatchObject({ _tag: 'InvalidArgument', op: 'embed' })
    expect(read(ids.slice(1), types.slice(1)).shape).toEqual([1, model.maxPositions, model.embeddingSize])
  })
})

it('embeddings are projected exactly where their width is not the hidden width', () => {
  const has = (embeddingSize: number) => 'embeddings_project' in bodySpec({ ...model, embeddingSize }, model, 0.02)
  expect([model.hiddenSize - 1, model.hiddenSize, model.hiddenSize + 1].map(has)).toEqual([true, false, true])
})

describe.each(['electra', 'mlm'] as const)('the initial parameters of the objective %s', (objective) => {
  // Wide enough that every table and kernel has its deviation measured by 500 values or more.
  const config = configOf({
    objective,
    model: { embeddingSize: 24, hiddenSize: 32, layers: 1, typeVocabSize: 30, maxPositions: 40, heads: 2 },
    ...(objective === 'electra' ? { generator: { hiddenSize: 36, heads: 3 } } : {})
  })
  const { parameters } = objectiveOf(config, 60)
  const shapes = new Map(entries(isParameterSpec, parameters).map(([path, { shape }]) => [path, shape]))
  const drawn = [...numbersByPath(initialise(random.key(1))<unknown>(parameters))]

  const isGlorot = (path: string): boolean => /\.(embeddings_project|dense_prediction)\.weight$/.test(path)
  const isConstant = (path: string): boolean => /LayerNorm\.weight$|bias$/.test(path)
  const deviation = (xs: ReadonlyArray<number>): number => Math.sqrt(xs.reduce((sum, x) => sum + x * x, 0) / xs.length)

  /** Five standard errors of a deviation: `sigma / sqrt(2 n)` for a normal, less for both laws here, whose tails are lighter. */
  const expectDeviation = (path: string, xs: ReadonlyArray<number>, sigma: number): void =>
    expect([path, Math.abs(deviation(xs) / sigma - 1) < 5 / Math.sqrt(2 * xs.length)]).toEqual([path, true])

  it('are scales of 1 and biases of 0', () => {
    const constants = drawn.filter(([path]) => isConstant(path))
    expect(constants.length).toBeGreaterThan(10)
    for (const [path, xs] of constants)
      expect([path, new Set(xs)]).toEqual([path, new Set([path.endsWith('weight') ? 1 : 0])])
  })

  it("are Glorot-uniform in the projections and in the discriminator's last kernel", () => {
    const glorot = drawn.filter(([path]) => isGlorot(path))
    expect(glorot.map(([path]) => path)).toEqual(
      objective === 'electra'
        ? [
            'discriminator.discriminator_predictions.dense_prediction.weight',
            'discriminator.electra.embeddings_project.weight',
            'generator.electra.embeddings_project.weight'
          ]
        : ['generator.electra.embeddings_project.weight']
    )
    for (const [path, xs] of glorot) {
      const [outputs, inputs]: Shape = shapes.get(path) ?? []
      const bound = Math.sqrt(6 / (inputs + outputs))
      expect(Math.max(...xs.map(Math.abs))).toBeLessThanOrEqual(bound)
      expectDeviation(path, xs, bound / Math.sqrt(3))
    }
  })

  it('are normal with deviation 0.02, truncated at twice that, everywhere else', () => {
    const others = drawn.filter(([path]) => !isConstant(path) && !isGlorot(path))
    expect(others.length).toBeGreaterThan(8)
    for (const [path, xs] of others) {
      expect(xs.length).toBeGreaterThan(500)
      expect(Math.max(...xs.map(Math.abs))).toBeLessThanOrEqual(0.04)
      expectDeviation(path, xs, 0.0175925)
    }
  })

  it('differ from parameter to parameter, and with the key', () => {
    const firsts = drawn.filter(([path]) => !isConstant(path)).map(([, xs]) => xs.slice(0, 8).join())
    expect(new Set(firsts).size).toBe(firsts.length)
    const again = numbersByPath(initialise(random.key(1))<unknown>(parameters))
    expect([...again]).toEqual(drawn)
    const other = numbersByPath(initialise(random.key(2))<unknown>(parameters))
    for (const [path, xs] of drawn) if (!isConstant(path)) expect(other.get(path)).not.toEqual(xs)
  })
})

describe('attention that starts local', () => {
  const local = configOf({ model: { initialAttention: 'local', embeddingSize: 64, hiddenSize: 64, heads: 4 } })
  const drawn = numbersByPath(initialise(random.key(3))<unknown>(objectiveOf(local, vocabSize).parameters))
  const flat = configOf({ model: { ...local.model, initialAttention: 'flat' } })
  const others = numbersByPath(initialise(random.key(3))<unknown>(objectiveOf(flat, vocabSize).parameters))

  it('has keys equal to queries, sinusoids for positions, and everything else as it would be', () => {
    const changed = [...drawn].flatMap(([path, x]) => (treeDistanceOf(x, others.get(path)) === 0 ? [] : [path]))
    const keys = [...drawn.keys()].filter((path) => path.endsWith('self.key.weight'))
    expect(keys).toHaveLength(local.model.layers + local.generator.layers)
    expect(changed.sort()).toEqual([...keys, 'discriminator.electra.embeddings.position_embeddings.weight'].sort())
    for (const key of keys) expect(drawn.get(key)).toEqual(drawn.get(key.replace('.key.', '.query.')))
  })

  it('scores near tokens above far ones', () => {
    const positions = drawn.get('discriminator.electra.embeddings.position_embeddings.weight') ?? []
    const row = (p: number) => positions.slice(64 * p, 64 * (p + 1))
    const dot = (p: number, q: number) => row(p).reduce((sum, x, i) => sum + x * row(q)[i], 0)
    const at = (distance: number) => [0, 3, 9].map((p) => dot(p, p + distance))
    for (const [near, far] of [
      [0, 1],
      [1, 2],
      [2, 4],
      [4, 12]
    ])
      expect(Math.min(...at(near))).toBeGreaterThan(Math.max(...at(far)))
    // All pairs at one distance alike, but for the roundings of angles up to 32.
    for (const distance of [1, 5]) expect(Math.max(...at(distance)) - Math.min(...at(distance))).toBeLessThan(1e-5)
  })
})

const treeDistanceOf = (a: ReadonlyArray<number>, b: ReadonlyArray<number> | undefined): number =>
  b === undefined ? Infinity : distance(a, b)
