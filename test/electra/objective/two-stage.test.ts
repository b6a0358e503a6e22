import { describe, expect, it } from 'vitest'
import { grad } from '../../../src/autodiff/index.js'
import {
  copyGenerator,
  fullGenerator,
  secondForward,
  twoStageObjective,
  twoStageSpec,
  type TwoStageParams
} from '../../../src/electra/objective/two-stage.js'
import { drawnPieces } from '../../../src/electra/objective/pieces.js'
import type { NamedState } from '../../../src/electra/training/problem.js'
import { random, tensor, type Literal, type Tensor } from '../../../src/tensor/index.js'
import { fromLiteral, toLiteral } from '../../../src/tensor/stored.js'
import { mapTensors, tensorEntries, zipTensors } from '../../../src/tensor/tree.js'
import { add, mul } from '../../../src/tensor/index.js'
import { right } from '../data/right.js'
import {
  batchOf,
  computed,
  configOf,
  denominatorsOf,
  given,
  numbersByPath,
  numbersOf,
  scattered,
  vocabSize
} from './cases.js'
import {
  discriminatorParts,
  expectGolden,
  golden,
  goldenBatch,
  goldenConfig,
  goldenNumbers,
  goldenParams,
  goldenPieces,
  maskedLmParts,
  relative
} from './golden.js'

const goldenSettings = goldenConfig('two-stage')
const goldenStages = twoStageObjective(goldenSettings, goldenPieces).stages
const goldenStart = goldenParams<TwoStageParams>(twoStageSpec(goldenSettings, goldenPieces.size), {
  ...discriminatorParts,
  ...maskedLmParts('generator')
})

const stateOf = (params: unknown, moment: number): NamedState => {
  const named = (prefix: string, value: (x: Tensor) => Literal) =>
    tensorEntries(params).map(([path, x]) => ({ ...fromLiteral(value(x)), name: prefix + path }))
  const moments = (x: Tensor): Literal =>
    tensor(
      Float32Array.from({ length: x.shape.reduce((a, b) => a * b, 1) }, () => moment),
      { shape: x.shape }
    )
  return {
    params: named('', (x) => x as Literal),
    optimizer: [...named('mu.', moments), ...named('nu.', moments)]
  }
}

const paramsOf = (like: TwoStageParams, { params }: NamedState): TwoStageParams => {
  const named = new Map(params.map((p) => [p.name, p]))
  return mapTensors((_, path) => {
    const found = named.get(path)
    if (found === undefined) throw new Error(`the state has no ${path}`)
    return right(toLiteral(found))
  }, like)
}

describe('two-stage training', () => {
  it('loses what the masked-LM baseline loses, then what an independent implementation says', () => {
    const { batch, denominators, sampled } = goldenBatch()
    const run = { training: false, key: random.key(0) }
    expectGolden(
      { objective: 'mlm', params: { generator: goldenStart.generator }, parts: maskedLmParts('generator') },
      (at) => ({ loss: goldenStages[0].shardLoss(at as never, batch, denominators, run).loss })
    )
    const { generator, discriminator } = goldenStart
    expectGolden(
      { objective: 'two_stage_second', params: { discriminator }, parts: discriminatorParts },
      (at: Pick<TwoStageParams, 'discriminator'>) => {
        const found = secondForward(goldenSettings, fullGenerator(goldenSettings, goldenPieces), () => sampled)(
          { ...at, generator },
          batch,
          denominators
        )
        return { loss: found.loss, main_loss: found.discriminatorLoss }
      }
    )
  })

  it('takes over what the first stage has learnt: the loss after a step of it, and the copy', () => {
    const { batch, denominators, sampled } = goldenBatch()
    const run = { training: false, key: random.key(0) }
    const gradient = grad(
      (at: TwoStageParams) => goldenStages[0].shardLoss(at as never, batch, denominators, run).loss
    )(goldenStart)
    const moved = computed(zipTensors((p, g) => add(mul(-0.1)(g))(p), goldenStart, gradient))
    const copied = paramsOf(goldenStart, copyGenerator(stateOf(moved, 1)))
    const found = secondForward(goldenSettings, fullGenerator(goldenSettings, goldenPieces), () => sampled)(
      copied,
      batch,
      denominators
    )
    expect(relative(numbersOf(found.loss), goldenNumbers('two_stage.after_loss'))).toBeLessThan(1e-9)
    expect(relative(numbersOf(found.loss), numbersOf(golden('two_stage_second.loss')))).toBeGreaterThan(1e-3)
  })

  const config = configOf({ objective: 'two-stage', maskProbability: 0.3 })
  const objective = twoStageObjective(config, drawnPieces(vocabSize))
  const params = scattered<TwoStageParams>(objective.parameters, 1)
  const host = batchOf(config, 2)

  it('copies embeddings and encoder bit for bit, keeps the head and the generator, and forgets the moments', () => {
    const before = stateOf(params, 3)
    const after = copyGenerator(before)
    const numbers = (state: NamedState) =>
      new Map(state.params.map(({ name, data }) => [name, Array.from(data as Float32Array)]))
    const [was, is] = [numbers(before), numbers(after)]
    expect([...is.keys()]).toEqual([...was.keys()])
    for (const [name, values] of is) {
      const isCopied = name.startsWith('discriminator.electra.')
      expect(values).toEqual(was.get(isCopied ? name.replace('discriminator.', 'generator.') : name))
    }
    expect(is.get('discriminator.electra.embeddings.word_embeddings.weight')).not.toEqual(
      was.get('discriminator.electra.embeddings.word_embeddings.weight')
    )
    expect(after.optimizer.map(({ name, shape }) => [name, shape])).toEqual(
      before.optimizer.map(({ name, shape }) => [name, shape])
    )
    expect(after.optimizer.every(({ data }) => data.every((x: number | bigint) => x === 0))).toBe(true)
  })

  it.each([0, 1])('moves by stage %i nothing that the stage does not train', (n) => {
    const { shardLoss, trains } = objective.stages[n]
    const run = { training: true, key: random.key(5) }
    const gradient = numbersByPath(
      grad((at: TwoStageParams) => shardLoss(at as never, given(host), denominatorsOf(host), run).loss)(params)
    )
    const [own, others] = [true, false].map((wanted) => [...gradient].filter(([path]) => trains?.(path) === wanted))
    expect(others.filter(([, g]) => g.some((x) => x !== 0))).toEqual([])
    expect(others.length).toBeGreaterThan(10)
    expect(own.filter(([path, g]) => g.every((x) => x === 0) && !path.endsWith('key.bias'))).toEqual([])
  })
})
