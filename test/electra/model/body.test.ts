import { pipe } from 'fp-ts/lib/function.js'
import { describe, expect, it } from 'vitest'
import { bodySpec, embed, embeddingsSpec, type Embeddings } from '../../../src/electra/model/body.js'
import { objectiveOf } from '../../../src/electra/objective/table.js'
import { initialise, isParameterSpec } from '../../../src/nn/index.js'
import { random, take, tensor, type Shape } from '../../../src/tensor/index.js'
import { entries } from '../../../src/tensor/tree.js'
import { faultOf } from '../../plain.js'
import { configOf, distance, numbersByPath, numbersOf, scattered, vocabSize } from '../objective/cases.js'
import { drawnPieces } from '../../../src/electra/objective/pieces.js'

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
  const { parameters } = objectiveOf(config, drawnPieces(60))
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

describe.each([
  ['local', 'as wide as the embeddings', 64, 64, [-1, 1, -2, 2]],
  ['local', 'wider', 128, 64, [-1, 1, -2, 2]],
  ['local', 'narrower', 64, 32, [-1, 1, -2, 2]],
  ['mixed', 'wider', 128, 64, [-1, 1]]
] as const)('attention that starts %s, of layers %s', (initialAttention, _, hiddenSize, generatorSize, offsets) => {
  const sizes = { embeddingSize: 64, hiddenSize, heads: 4, maxPositions: 24 }
  const local = configOf({
    model: { ...sizes, initialAttention },
    generator: { hiddenSize: generatorSize, heads: 4 }
  })
  const valuesOf = (config: typeof local) =>
    numbersByPath(initialise(random.key(3))<unknown>(objectiveOf(config, drawnPieces(vocabSize)).parameters))
  const drawn = valuesOf(local)
  const flat = valuesOf({ ...local, model: { ...local.model, initialAttention: 'flat' } })

  it('has other queries, keys, positions and projections, and everything else as it would be', () => {
    const changed = [...drawn].flatMap(([path, x]) => (treeDistanceOf(x, flat.get(path)) === 0 ? [] : [path]))
    const keys = [...drawn.keys()].filter((path) => /self\.(query|key)\.weight$/.test(path))
    const projections = [...drawn.keys()].filter((path) => path.endsWith('embeddings_project.weight'))
    expect(keys).toHaveLength(2 * (local.model.layers + local.generator.layers))
    expect(changed.sort()).toEqual(
      [...keys, ...projections, 'discriminator.electra.embeddings.position_embeddings.weight'].sort()
    )
  })

  it('leaves the other heads as they would be', () => {
    for (const [path, values] of drawn)
      if (/self\.(query|key)\.weight$/.test(path)) {
        const local = (values.length * offsets.length) / 4
        expect(flat.get(path)?.slice(local)).toEqual(values.slice(local))
      }
  })

  it('scores the token at its offset highest, in every local head of every layer', () => {
    const times = (matrix: ReadonlyArray<number>, x: ReadonlyArray<number>) =>
      Array.from({ length: matrix.length / x.length }, (_, i) =>
        x.reduce((sum, value, k) => sum + value * matrix[i * x.length + k], 0)
      )
    const of = (path: string): ReadonlyArray<number> => drawn.get(path) ?? []
    const positions = of('discriminator.electra.embeddings.position_embeddings.weight')
    for (const network of ['discriminator', 'generator']) {
      const project = drawn.get(`${network}.electra.embeddings_project.weight`)
      const places = Array.from({ length: 24 }, (_, p) => {
        const x = positions.slice(64 * p, 64 * (p + 1))
        return project === undefined ? x : times(project, x)
      })
      for (const layer of Array.from({ length: local.model.layers }, (_, i) => i)) {
        const rowsOf = (name: string) =>
          places.map((x) => times(of(`${network}.electra.encoder.layer.${layer}.attention.self.${name}.weight`), x))
        const [queries, keys] = [rowsOf('query'), rowsOf('key')]
        offsets.forEach((offset, head) => {
          const size = places[0].length / 4
          const score = (p: number, q: number) =>
            Array.from({ length: size }, (_, i) => queries[p][head * size + i] * keys[q][head * size + i]).reduce(
              (a, b) => a + b
            )
          const nearby = Array.from({ length: 11 }, (_, i) => i - 5)
          for (const p of [8, 15]) {
            const best = nearby.reduce((a, d) => (score(p, p + d) > score(p, p + a) ? d : a))
            expect([network, layer, head, best]).toEqual([network, layer, head, offset])
          }
        })
      }
    }
  })
})

const treeDistanceOf = (a: ReadonlyArray<number>, b: ReadonlyArray<number> | undefined): number =>
  b === undefined ? Infinity : distance(a, b)
