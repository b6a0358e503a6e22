import { pipe } from 'fp-ts/lib/function.js'
import { describe, expect, it } from 'vitest'
import type { ElectraConfig } from '../../../src/electra/config/config.js'
import { grad } from '../../../src/autodiff/index.js'
import {
  adversarialForward,
  baselineSpec,
  type AdversarialForward,
  type AdversarialParams
} from '../../../src/electra/objective/adversarial.js'
import { generatorOf } from '../../../src/electra/objective/generators/table.js'
import { replacedTokenSpec } from '../../../src/electra/objective/replaced-token.js'
import { drawnPieces } from '../../../src/electra/objective/pieces.js'
import { sigmoidCrossEntropy } from '../../../src/nn/index.js'
import { mul, tensor, type Tensor } from '../../../src/tensor/index.js'
import {
  batchOf,
  configOf,
  denominatorsOf,
  distance,
  given,
  numberOf,
  numbersByPath,
  numbersOf,
  rounding,
  scattered,
  vocabSize
} from './cases.js'
import {
  discriminatorParts,
  expectGolden,
  generatorParts,
  goldenBatch,
  goldenConfig,
  goldenParams,
  goldenPieces
} from './golden.js'

const adversarialSpec = (config: ElectraConfig, size: number) => ({
  ...replacedTokenSpec(config, size),
  baseline: baselineSpec(config)
})

describe('adversarial training', () => {
  it('has the losses, rewards and gradients of an independent implementation', () => {
    const weights = { generatorWeight: 0.7, baselineWeight: 0.3, maskedLmWeight: 0.2 }
    const config = { ...goldenConfig('adversarial'), ...weights }
    const parts = { ...discriminatorParts, ...generatorParts, baseline: 'baseline' }
    const params = goldenParams<AdversarialParams>(adversarialSpec(config, goldenPieces.size), parts)
    const { batch, denominators, sampled } = goldenBatch()
    expectGolden({ objective: 'adversarial', params, parts }, (at) => {
      const found = adversarialForward(config, generatorOf(config, goldenPieces), () => sampled)(
        at,
        batch,
        denominators
      )
      return {
        loss: found.loss,
        policy_loss: found.policyLoss,
        baseline_loss: found.baselineLoss,
        generator_loss: found.proposal.loss,
        main_loss: found.discriminatorLoss,
        rewards: found.rewards,
        baselines: found.baselines
      }
    })
  })

  const config = configOf({ objective: 'adversarial', maskProbability: 0.3 })
  const generator = generatorOf(config, drawnPieces(vocabSize))
  const params = scattered<AdversarialParams>(adversarialSpec(config, vocabSize), 1)
  const host = batchOf(config, 2)
  const slots = host.maskedPositions.length / host.rows
  const samples = tensor(
    host.maskedIds.map((id, slot) => (slot % 3 === 0 ? id : 5 + (slot % 30))),
    { shape: [host.rows, slots] }
  )
  const forwardAt = (at: AdversarialParams, change: object = {}): AdversarialForward =>
    adversarialForward({ ...config, ...change }, generator, () => samples)(at, given(host), denominatorsOf(host))
  const movedBy = (loss: (forward: AdversarialForward) => Tensor): ReadonlyArray<string> =>
    [...numbersByPath(grad((at: AdversarialParams) => loss(forwardAt(at)))(params))]
      .filter(([, g]) => g.some((x) => x !== 0))
      .map(([path]) => path)

  it("rewards the generator with the discriminator's loss at each masked position, a lucky sample's too", () => {
    const { corrupted, discriminatorLogits, rewards } = forwardAt(params)
    const losses = numbersOf(pipe(discriminatorLogits, sigmoidCrossEntropy(corrupted.labels)))
    const length = losses.length / host.rows
    const at = (values: ReadonlyArray<number>) =>
      Array.from(host.maskedPositions, (t, slot) => values[Math.floor(slot / slots) * length + t])
    expect(distance(numbersOf(rewards), at(losses))).toBeLessThan(rounding)
    expect(new Set(at(numbersOf(corrupted.labels)))).toEqual(new Set([0, 1]))
  })

  it('moves the generator and the embeddings by the policy, and neither the discriminator nor the baseline', () => {
    const moved = movedBy((f) => f.policyLoss)
    expect(moved.filter((path) => path.startsWith('generator.')).length).toBeGreaterThan(10)
    expect(
      moved.filter((path) => !path.startsWith('generator.') && !path.startsWith('discriminator.electra.embeddings.'))
    ).toEqual([])
  })

  it("moves nothing but the baseline by the baseline's loss", () => {
    expect(movedBy((f) => f.baselineLoss)).toEqual(['baseline.weight'])
  })

  it("moves nothing of the generator's own by the discriminator's loss", () => {
    expect(movedBy((f) => f.discriminatorLoss).filter((path) => !path.startsWith('discriminator.'))).toEqual([])
  })

  it('has a baseline that expects the reward where its probability is the one given to the right class', () => {
    const { baselines } = forwardAt(params)
    const at = (scale: number) =>
      forwardAt({ ...params, baseline: { weight: pipe(params.baseline.weight, mul(scale)) } })
    expect(numbersOf(baselines).every((b) => b > 0)).toBe(true)
    // At 0 the baseline's probability is a half, whatever it reads.
    expect(
      distance(
        numbersOf(at(0).baselines),
        numbersOf(baselines).map(() => Math.LN2)
      )
    ).toBeLessThan(1e-12)
  })

  it('follows the distribution that is sampled from: a temperature divides the logits', () => {
    const { policyLoss, rewards, baselines, proposal } = forwardAt(params, { temperature: 2 })
    const logits = numbersOf(proposal.logits)
    const ids = numbersOf(samples)
    const [r, b] = [numbersOf(rewards), numbersOf(baselines)]
    const total = Array.from(host.maskedWeights).reduce((a, w) => a + w, 0)
    const expected = ids.reduce((sum, id, slot) => {
      const row = logits.slice(slot * vocabSize, (slot + 1) * vocabSize).map((x) => Math.exp(x / 2))
      const p = row[id] / row.reduce((x, y) => x + y, 0)
      return sum - (host.maskedWeights[slot] * (r[slot] - b[slot]) * Math.log(p)) / (total + 1e-6)
    }, 0)
    expect(numberOf(policyLoss)).toBeCloseTo(expected, 10)
  })

  it('is not mixed with the masked-LM loss unless told', () => {
    const { policyLoss, baselineLoss, discriminatorLoss, loss } = forwardAt(params)
    expect(numberOf(loss)).toBeCloseTo(
      numberOf(policyLoss) + numberOf(baselineLoss) + 50 * numberOf(discriminatorLoss),
      10
    )
  })
})
