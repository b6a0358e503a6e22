import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { presetConfig } from '../../../src/electra/config/resolve.js'
import { countRecipe } from '../../../src/electra/flops/count.js'
import { published } from '../../../src/electra/flops/forward.js'
import { networksOf, type Network } from '../../../src/electra/flops/network.js'
import { publishedRows, type PublishedName } from '../../../src/electra/flops/published.js'
import {
  generatorShare,
  inferenceFlops,
  networkTrainingFlops,
  stepFlops,
  trainingFlops,
  type Recipe
} from '../../../src/electra/flops/training.js'
import { objectiveOf } from '../../../src/electra/objective/table.js'
import { drawnPieces } from '../../../src/electra/objective/pieces.js'
import { right } from '../data/right.js'
import { networks } from './networks.js'

const recipeOf = (name: PublishedName): Recipe => {
  const found = publishedRows.find((row) => row.name === name)?.recipe
  if (found === undefined) throw new Error(`no recipe ${name}`)
  return found
}

const small = recipeOf('electra_small')
const base = recipeOf('electra_base')
const large = recipeOf('electra_400k')
const sparse = { ...published, sparseLookup: true }

/** The recipe with its networks read otherwise. */
const changed = (recipe: Recipe, change: (network: Network) => Partial<Network>): Recipe => ({
  ...recipe,
  networks: recipe.networks.map((network) => ({ ...network, ...change(network) }))
})

/** With a generator of the discriminator's size. */
const fullSize = (recipe: Recipe): Recipe => changed(recipe, () => ({ size: recipe.networks[0].size }))

describe("the paper's thirteen rows", () => {
  // The official script's output, as Python prints it.
  it.each([
    ['elmo', 3.4114394716164127e18],
    ['xlnet', 3.856582065028608e21],
    ['gpt', 3.968752230785352e19],
    ['bert_small', 1.4187399146496e18],
    ['bert_base', 6.428335104e19],
    ['bert_large', 1.91720905883648e20],
    ['electra_small', 1.293743798272e18],
    ['electra_base', 6.424541834277683e19],
    ['electra_400k', 7.117606040895488e20],
    ['electra_1.75M', 3.113952642891776e21],
    ['roberta', 3.187221435776e21],
    ['albert', 3.113923955392512e22],
    ['t5_11b', 4.581900124212429e22]
  ])('%s, to the last digit', (name, flops) => {
    expect(publishedRows.find((row) => row.name === name)?.flops).toBe(flops)
  })

  it('are all there, and round to what the paper prints, but for the two that it prints otherwise', () => {
    expect(publishedRows).toHaveLength(13)
    const otherwise = publishedRows.filter(
      ({ flops, printed }) => printed !== undefined && flops.toExponential(1).replace('+', '') !== printed
    )
    expect(otherwise.map(({ name }) => name)).toEqual(['elmo', 'electra_small'])
    expect(otherwise.every(({ remark }) => remark !== undefined)).toBe(true)
  })
})

describe('what follows by the same rules', () => {
  // The official script's rules, carried out in Python.
  it.each([
    ['RoBERTa at 100,000 steps', { ...recipeOf('roberta'), steps: 100_000 }, 6.374442871552e20],
    ['BERT-Large, matched', { ...recipeOf('bert_large'), batchSize: 2048, steps: 464_000 }, 7.116680026401014e20],
    ['Small at length 512', { ...changed(small, () => ({ positions: 512 })), steps: 4_000_000 }, 2.4016152395776e19],
    [
      'Small at length 512 with a full-size generator',
      { ...fullSize(changed(small, () => ({ positions: 512 }))), steps: 4_000_000 },
      3.5961362415616e19
    ],
    ['Base at 4,000,000 steps', { ...base, steps: 4_000_000 }, 3.35485213278208e20]
  ])('%s', (_, recipe, flops) => {
    expect(trainingFlops(recipe)).toBe(flops)
  })

  it.each([
    ['Small', small, published, 941384138752000000, 352359659520000000],
    ['Base', base, published, 47964633509658624000, 16280784833118208000],
    ['Large', large, published, 606777618359910400000, 104982985729638400000],
    // 130 slots of 512.
    [
      'Large with a quarter masked',
      large,
      { ...published, maskedShare: 0.25390625 },
      606777618359910400000,
      110165354210918400000
    ],
    ['Small with a full-size generator', fullSize(small), published, 941384138752000000, 978441320448000000]
  ])("%s's two networks", (_, recipe, accounting, discriminator, generator) => {
    const each = recipe.networks.map((network) => networkTrainingFlops(network, recipe, accounting))
    expect(each).toEqual([discriminator, generator])
  })

  it.each([
    [small, '27.236', '12.323'],
    [base, '25.342', '15.119'],
    // 32,071,892,704 of 370,414,923,488 a sequence.
    [large, '14.750', '8.658'],
    [fullSize(small), '50.965', undefined]
  ])("the generator's share, with words as products and looked up", (recipe, dense, lookedUp) => {
    expect((100 * generatorShare(recipe)).toFixed(3)).toBe(dense)
    if (lookedUp !== undefined) expect((100 * generatorShare(recipe, sparse)).toFixed(3)).toBe(lookedUp)
  })

  it.each([
    ['Small', small.networks[0], 3_677_281_792, 2_677_136_896],
    ['Base', base.networks[0], 28_616_498_688, 22_615_629_312],
    ['Large', large.networks[0], 87_465_671_680, 79_464_512_512],
    ['GPT', recipeOf('gpt').networks[0], 30_479_949_312, undefined]
  ])('inference by %s', (_, network, dense, lookedUp) => {
    expect(inferenceFlops(network)).toBe(dense)
    if (lookedUp !== undefined) expect(inferenceFlops(network, sparse)).toBe(lookedUp)
  })
})

describe('our presets', () => {
  it.each([
    ['small', 'electra_small'],
    ['base', 'electra_base'],
    ['large', 'electra_400k']
  ] as const)("of %s are the paper's recipe %s", (preset, row) => {
    const config = right(presetConfig(preset))
    const networks = networksOf(objectiveOf(config, drawnPieces(30_522)).stages)
    const recipe = { networks, batchSize: config.batchSize, steps: config.training.steps }
    expect(trainingFlops(recipe)).toBe(publishedRows.find(({ name }) => name === row)?.flops)
    expect(countRecipe(recipe)).toEqual(countRecipe(recipeOf(row)))
  })

  it('train one network, with a softmax and no generator, where the objective is masked language modelling', () => {
    const config = right(presetConfig('base', ['objective=mlm', 'training.steps=1000000']))
    const networks = networksOf(objectiveOf(config, drawnPieces(30_522)).stages)
    expect(trainingFlops({ networks, batchSize: 256, steps: 1_000_000 })).toBe(6.428335104e19)
    expect(countRecipe({ networks, batchSize: 256, steps: 1_000_000 }).generatorShare).toBe(undefined)
  })
})

describe('the networks of several stages', () => {
  const [discriminator, generator] = small.networks
  const passesOf = (networks: ReadonlyArray<Network>) => networks.map(({ role, passes }) => [role, passes])

  it('are there once each, with their passes on average', () => {
    const stages = [
      { share: 0.25, networks: [generator] },
      { share: 0.75, networks: [discriminator, { ...generator, passes: 1 }] }
    ]
    expect(passesOf(networksOf(stages))).toEqual([
      ['generator', 0.25 * 2 + 0.75],
      ['discriminator', 0.75 * 2]
    ])
  })

  it('are those of one stage, however that is cut', () => {
    fc.assert(
      fc.property(
        fc.array(networks, { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 0, max: 8 }),
        (all, eighths) => {
          const cut = [eighths / 8, 1 - eighths / 8].map((share) => ({ share, networks: all }))
          const recipe = { batchSize: 1, steps: 1 }
          const whole = trainingFlops({ ...recipe, networks: networksOf([{ share: 1, networks: all }]) })
          expect(trainingFlops({ ...recipe, networks: networksOf(cut) })).toBe(whole)
        }
      )
    )
  })
})

describe('a count', () => {
  const recipes = fc.record({
    networks: fc.array(networks, { minLength: 1, maxLength: 3 }),
    batchSize: fc.integer({ min: 1, max: 4096 }),
    steps: fc.integer({ min: 1, max: 1_000_000 })
  })

  it('of a run is that of its networks, and of its steps', () => {
    fc.assert(
      fc.property(recipes, (recipe) => {
        const count = countRecipe(recipe)
        expect(count.run).toBe(count.networks.reduce((sum, { run }) => sum + run, 0))
        expect(count.step).toBe(stepFlops(recipe))
        // A rounding of each product and each sum on either side.
        expect(Math.abs(count.run / (count.step * recipe.steps) - 1)).toBeLessThanOrEqual(12 * Number.EPSILON)
      })
    )
  })

  it('has a share of generators from 0 to 1 that no batch and no number of steps changes by more than rounding', () => {
    fc.assert(
      fc.property(recipes, (recipe) => {
        const { generatorShare: share } = countRecipe(recipe)
        const generators = recipe.networks.filter(({ role }) => role === 'generator').length
        expect(share === undefined).toBe(generators === 0)
        if (share === undefined) return
        expect(share === 1).toBe(generators === recipe.networks.length)
        expect(share).toBeGreaterThan(0)
        expect(Math.abs(share / generatorShare({ ...recipe, batchSize: 1 }) - 1)).toBeLessThanOrEqual(
          12 * Number.EPSILON
        )
      })
    )
  })

  it('is half where a network is only read', () => {
    fc.assert(
      fc.property(recipes, (recipe) => {
        expect(trainingFlops(changed(recipe, () => ({ passes: 1 }))) * 2).toBe(trainingFlops(recipe))
      })
    )
  })

  it('of inference is of one sequence, no longer than the network reads, and only where there is one trained network', () => {
    fc.assert(
      fc.property(recipes, fc.integer({ min: 1, max: 600 }), (recipe, longest) => {
        const { inference } = countRecipe(recipe, published, longest)
        const trained = recipe.networks.filter(({ role }) => role !== 'generator')
        const positions = Math.min(128, longest)
        expect(inference).toEqual(
          trained.length === 1 ? { positions, flops: inferenceFlops(trained[0], published, positions) } : undefined
        )
      })
    )
  })
})
