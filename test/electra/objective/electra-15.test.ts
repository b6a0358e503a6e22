import { pipe } from 'fp-ts/lib/function.js'
import { describe, expect, it } from 'vitest'
import { selectedForward } from '../../../src/electra/objective/electra-15.js'
import { generatorOf } from '../../../src/electra/objective/generators/table.js'
import { jointForward, replacedTokenSpec, type JointParams } from '../../../src/electra/objective/replaced-token.js'
import { drawnPieces } from '../../../src/electra/objective/pieces.js'
import { sigmoidCrossEntropy } from '../../../src/nn/index.js'
import { tensor } from '../../../src/tensor/index.js'
import {
  batchOf,
  configOf,
  denominatorsOf,
  distance,
  given,
  numberOf,
  numbersOf,
  rounding,
  scattered,
  vocabSize,
  type HostBatch
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

describe('ELECTRA 15 %', () => {
  it('has the losses, logits and gradients of an independent implementation', () => {
    const config = goldenConfig('electra-15')
    const parts = { ...discriminatorParts, ...generatorParts }
    const params = goldenParams<JointParams>(replacedTokenSpec(config, goldenPieces.size), parts)
    const { batch, denominators, sampled } = goldenBatch()
    expectGolden({ objective: 'electra_15', params, parts }, (at) => {
      const found = selectedForward(config, generatorOf(config, goldenPieces), () => sampled)(at, batch, denominators)
      return { loss: found.loss, generator_loss: found.proposal.loss, main_loss: found.discriminatorLoss }
    })
  })

  describe.each([false, true])('where positions are drawn with replacement: %s', (sampleWithReplacement) => {
    const config = configOf({ maskProbability: 0.3, sampleWithReplacement })
    const generator = generatorOf(config, drawnPieces(vocabSize))
    const params = scattered<JointParams>(replacedTokenSpec(config, vocabSize), 1)
    const host = batchOf(config, 2)
    const slots = host.maskedPositions.length / host.rows
    const sampledIds = tensor(
      host.maskedIds.map((id, slot) => (slot % 3 === 0 ? id : 5 + (slot % 30))),
      { shape: [host.rows, slots] }
    )
    const found = (of: HostBatch) =>
      selectedForward(config, generator, () => sampledIds)(params, given(of), denominatorsOf(of))

    it("is ELECTRA's loss restricted to the slots", () => {
      const { corrupted, discriminatorLogits, discriminatorLoss } = jointForward(config, generator, () => sampledIds)(
        params,
        given(host),
        denominatorsOf(host)
      )
      const losses = numbersOf(pipe(discriminatorLogits, sigmoidCrossEntropy(corrupted.labels)))
      const length = losses.length / host.rows
      const [sum, n] = host.maskedPositions.reduce(
        ([total, count], t, slot) => {
          const weight = host.maskedWeights[slot]
          return [total + weight * losses[Math.floor(slot / slots) * length + t], count + weight]
        },
        [0, 0]
      )
      expect(n).toBeGreaterThan(host.rows)
      expect(distance([numberOf(found(host).discriminatorLoss)], [sum / (n + 1e-6)])).toBeLessThan(rounding)
      expect(numberOf(discriminatorLoss)).not.toBeCloseTo(sum / (n + 1e-6), 3)
    })

    it("keeps ELECTRA's labels: a selected token that equals its original is original", () => {
      const { corrupted, selectedLabels } = found(host)
      const labels = numbersOf(corrupted.labels)
      const length = labels.length / host.rows
      expect(numbersOf(selectedLabels)).toEqual(
        Array.from(host.maskedPositions, (t, slot) => labels[Math.floor(slot / slots) * length + t])
      )
      expect(new Set(numbersOf(selectedLabels))).toEqual(new Set([0, 1]))
    })
  })
})
