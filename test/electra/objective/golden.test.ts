import { describe, expect, it } from 'vitest'
import { corrupt } from '../../../src/electra/objective/corruption.js'
import { maskedLmObjective } from '../../../src/electra/objective/masked-lm.js'
import { generatorOf } from '../../../src/electra/objective/generators/table.js'
import { jointForward, replacedTokenSpec, type JointParams } from '../../../src/electra/objective/replaced-token.js'
import { random } from '../../../src/tensor/index.js'
import { numbersOf } from './cases.js'
import {
  discriminatorParts,
  expectGolden,
  generatorParts,
  goldenBatch,
  goldenConfig,
  goldenNumbers,
  goldenParams,
  goldenPieces,
  maskedLmParts
} from './golden.js'

describe('replaced-token detection', () => {
  const config = goldenConfig()
  const generator = generatorOf(config, goldenPieces)
  const parts = { ...discriminatorParts, ...generatorParts }
  const params = goldenParams<JointParams>(replacedTokenSpec(config, goldenPieces.size), parts)

  it('has the losses, logits and gradients of an independent implementation', () => {
    const { batch, denominators, sampled } = goldenBatch()
    expectGolden({ objective: 'electra', params, parts, real: ['main_logits'] }, (at) => {
      const found = jointForward(config, generator, () => sampled)(at, batch, denominators)
      return {
        loss: found.loss,
        generator_loss: found.proposal.loss,
        main_loss: found.discriminatorLoss,
        generator_logits: found.proposal.logits,
        main_logits: found.discriminatorLogits
      }
    })
  })

  it('has them where positions were drawn more than once', () => {
    const { batch, denominators, sampled } = goldenBatch('batch_with_replacement')
    expectGolden({ objective: 'electra_with_replacement', params, parts, real: ['main_logits'] }, (at) => {
      const found = jointForward(config, generator, () => sampled)(at, batch, denominators)
      return {
        loss: found.loss,
        generator_loss: found.proposal.loss,
        main_loss: found.discriminatorLoss,
        main_logits: found.discriminatorLogits
      }
    })
  })
})

describe('the masked-LM baseline', () => {
  it('has the loss and gradients of an independent implementation', () => {
    const objective = maskedLmObjective(goldenConfig('mlm'), goldenPieces)
    const parts = maskedLmParts('generator')
    const params = goldenParams<never>(objective.parameters, parts)
    const { batch, denominators } = goldenBatch()
    const run = { training: false, key: random.key(0) }
    expectGolden({ objective: 'mlm', params, parts }, (at) => ({
      loss: objective.stages[0].shardLoss(at, batch, denominators, run).loss
    }))
  })
})

describe.each(['batch', 'batch_with_replacement'] as const)('the corruption of the golden %s', (name) => {
  it('has its tokens and labels', () => {
    const { batch, sampled } = goldenBatch(name)
    const { ids, labels } = corrupt(batch.maskedPositions, sampled)(batch.inputIds)
    expect(numbersOf(ids)).toEqual(goldenNumbers(`${name}.corrupted_ids`))
    expect(numbersOf(labels)).toEqual(goldenNumbers(`${name}.labels`))
  })
})
