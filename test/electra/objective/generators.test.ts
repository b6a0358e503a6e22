/** What holds of replaced-token detection on every generator, and of each generator for itself. */

import fc from 'fast-check'
import { pipe } from 'fp-ts/lib/function.js'
import { describe, expect, it } from 'vitest'
import { grad } from '../../../src/autodiff/index.js'
import { samplerOf } from '../../../src/electra/objective/corrupted-input.js'
import { generatorNames, generatorOf } from '../../../src/electra/objective/generators/table.js'
import { logFrequencies } from '../../../src/electra/objective/generators/unigram.js'
import { sampleTokens } from '../../../src/electra/objective/corruption.js'
import {
  jointForward,
  replacedTokenObjective,
  type AnyJointParams,
  type JointForward
} from '../../../src/electra/objective/replaced-token.js'
import { drawnPieces } from '../../../src/electra/objective/pieces.js'
import { broadcastTo, random, type Tensor } from '../../../src/tensor/index.js'
import { run } from '../../plain.js'
import {
  batchOf,
  configOf,
  denominatorsOf,
  given,
  numberOf,
  numbersByPath,
  numbersOf,
  scattered,
  vocabSize
} from './cases.js'

const pieces = drawnPieces(vocabSize)

const cases = [
  ...generatorNames.map((kind) => [`the generator ${kind}`, { generator: { kind } }] as const),
  ['a generator that shares nothing', { sharing: 'none' }] as const,
  ['a generator that shares all but the heads', { sharing: 'all' }] as const
]

const isZero = (xs: ReadonlyArray<number>): boolean => xs.every((x) => x === 0)

describe.each(cases)('%s', (_, change) => {
  const config = configOf({ maskProbability: 0.3, ...change })
  const isShared = (path: string): boolean =>
    config.sharing === 'all'
      ? path.startsWith('discriminator.electra.')
      : config.sharing !== 'none' && path.startsWith('discriminator.electra.embeddings.')
  const generator = generatorOf(config, pieces)
  const params = scattered<AnyJointParams>(replacedTokenObjective(config, pieces).parameters, 1)
  const batch = batchOf(config, 2)

  const forward = (at: AnyJointParams, disallowCorrect = false): JointForward =>
    jointForward(config, generator, samplerOf({ temperature: 1, disallowCorrect }, random.key(3)))(
      at,
      given(batch),
      denominatorsOf(batch)
    )
  const gradientOf = (loss: (forward: JointForward) => Tensor) => [
    ...numbersByPath(grad((at: AnyJointParams) => loss(forward(at)))(params))
  ]

  it("gets no gradient from the discriminator's loss, and gives none to what it does not share", () => {
    const ofDiscriminator = gradientOf((f) => f.discriminatorLoss)
    expect(ofDiscriminator.filter(([path, g]) => path.startsWith('generator.') && !isZero(g))).toEqual([])
    const ofGenerator = gradientOf((f) => f.proposal.loss).filter(([path]) => path.startsWith('discriminator.'))
    const reached = ofGenerator.filter(([, g]) => !isZero(g)).map(([path]) => path)
    expect(reached.filter((path) => !isShared(path))).toEqual([])
    // Key biases shift every score of a row alike, which the softmax does not see: 0, but for rounding.
    const counted = (path: string): boolean => !path.endsWith('key.bias')
    const sharing = generator.parameters === undefined ? () => false : isShared
    expect(reached.filter(counted)).toEqual(
      ofGenerator.map(([path]) => path).filter((path) => sharing(path) && counted(path))
    )
  })

  it('leaves what is not selected as it was, labelled original', () => {
    const { corrupted } = forward(params)
    const [ids, labels, selected] = [corrupted.ids, corrupted.labels, corrupted.selected].map(numbersOf)
    selected.forEach((isSelected, i) => {
      if (isSelected === 0) expect([ids[i], labels[i]]).toEqual([batch.inputIds[i], 0])
    })
    expect(selected.reduce((sum, x) => sum + x, 0)).toBe(batch.maskedWeights.reduce((sum, x) => sum + x, 0))
  })

  it('makes every selected token another one where the originals are disallowed', () => {
    const { corrupted } = forward(params, true)
    expect(numbersOf(corrupted.labels)).toEqual(numbersOf(corrupted.selected))
  })
})

describe('the uniform generator', () => {
  it('has the loss ln V, whatever the batch', () => {
    const config = configOf({ generator: { kind: 'uniform' } })
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const batch = batchOf(config, seed)
        const { propose } = generatorOf(config, pieces)
        const none = { main: undefined as never, generator: undefined }
        const { loss } = propose(none, given(batch), denominatorsOf(batch), undefined)
        expect(numberOf(loss)).toBeCloseTo(Math.log(vocabSize), 5)
      }),
      { numRuns: 10 }
    )
  })
})

describe('the unigram generator', () => {
  const counts = fc
    .array(fc.nat({ max: 50 }), { minLength: 2, maxLength: 12 })
    .filter((ns) => ns.some((n) => n > 0))
    .map((ns) => Uint32Array.from(ns))

  it('gives each piece its share of the text, and one that is not there a finite logit and no chance', () => {
    fc.assert(
      fc.property(counts, (ns) => {
        const logits = numbersOf(logFrequencies(ns))
        const total = ns.reduce((sum, n) => sum + n, 0)
        ns.forEach((n, id) => {
          expect(Number.isFinite(logits[id])).toBe(true)
          expect(Math.exp(logits[id])).toBeCloseTo(n / total, 12)
        })
      })
    )
  })

  it.each([0.5, 1, 2.5, 50])('never draws a piece that is not in the text, at temperature %f', (temperature) => {
    const logits = logFrequencies(Uint32Array.of(0, 1, 0, 3))
    const drawn = run(pipe(logits, broadcastTo([2000, 4]), sampleTokens(temperature, random.key(5)))).values
    expect(new Set(drawn)).toEqual(new Set([1, 3]))
  })
})
