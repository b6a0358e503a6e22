/** The generators, and what they may share, held to the golden numbers of an independent implementation. */

import { describe, expect, it } from 'vitest'
import { sampledLogits } from '../../../src/electra/objective/corrupted-input.js'
import { constantGenerator } from '../../../src/electra/objective/generators/constant.js'
import type { Generator } from '../../../src/electra/objective/generators/generator.js'
import { electricForward, electricObjective } from '../../../src/electra/objective/electric.js'
import { generatorOf } from '../../../src/electra/objective/generators/table.js'
import {
  jointForward,
  replacedTokenObjective,
  type AnyJointParams
} from '../../../src/electra/objective/replaced-token.js'
import type { ElectraConfig } from '../../../src/electra/config/config.js'
import { corrupt } from '../../../src/electra/objective/corruption.js'
import { add, argmax } from '../../../src/tensor/index.js'
import { pipe } from 'fp-ts/lib/function.js'
import { numbersOf } from './cases.js'
import {
  discriminatorParts,
  expectGolden,
  generatorParts,
  golden,
  goldenBatch,
  goldenConfig,
  goldenNumbers,
  goldenParams,
  goldenPieces,
  type Parts
} from './golden.js'

const ownEmbeddings: Parts = {
  'generator.electra': 'generator',
  'generator.electra.embeddings': 'own_embeddings',
  'generator.generator_predictions': 'own_head.generator_predictions',
  'generator.generator_lm_head': 'own_head.generator_lm_head'
}

const towers: Parts = {
  'generator.generator_ltr': 'ltr',
  'generator.generator_rtl': 'rtl',
  'generator.cloze_predictions': 'cloze_head.generator_lm_head',
  'generator.cloze_predictions.dense': 'cloze_head.generator_predictions.dense',
  'generator.cloze_predictions.LayerNorm': 'cloze_head.generator_predictions.LayerNorm'
}

const tiedHead: Parts = {
  'generator.generator_predictions': 'main_head.generator_predictions',
  'generator.generator_lm_head': 'main_head.generator_lm_head'
}

type Case = {
  readonly objective: string
  readonly config: ElectraConfig
  readonly parts?: Parts
  readonly generator?: Generator
}

const cases: ReadonlyArray<Case> = [
  { objective: 'electra', config: goldenConfig(), parts: generatorParts },
  { objective: 'electra_with_replacement', config: goldenConfig(), parts: generatorParts },
  { objective: 'uniform', config: goldenConfig('electra', { kind: 'uniform' }) },
  {
    objective: 'unigram',
    config: goldenConfig('electra', { kind: 'unigram' }),
    generator: constantGenerator(golden('unigram.log_frequencies'))
  },
  { objective: 'two_tower', config: goldenConfig('electra', { kind: 'two-tower' }), parts: towers },
  { objective: 'untied_embeddings', config: goldenConfig('electra', { sharing: 'none' }), parts: ownEmbeddings },
  { objective: 'tied_generator', config: goldenConfig('electra', { sharing: 'all' }), parts: tiedHead }
]

describe.each(cases)('$objective', ({ objective, config, parts = {}, generator }) => {
  it('has the losses and gradients of an independent implementation', () => {
    const { batch, denominators, sampled } = goldenBatch(
      objective === 'electra_with_replacement' ? 'batch_with_replacement' : 'batch'
    )
    const all = { ...discriminatorParts, ...parts }
    const params = goldenParams<AnyJointParams>(replacedTokenObjective(config, goldenPieces).parameters, all)
    const forward = jointForward(config, generator ?? generatorOf(config, goldenPieces), () => sampled)
    expectGolden({ objective, params, parts: all }, (at) => {
      const { loss, proposal, discriminatorLoss } = forward(at, batch, denominators)
      return { loss, generator_loss: proposal.loss, main_loss: discriminatorLoss }
    })
  })
})

describe.each(['batch', 'batch_with_replacement'] as const)('the corruption of the golden %s', (name) => {
  it('has its tokens, labels and selection: several writes to a place leave the floor of their mean', () => {
    const { batch, sampled } = goldenBatch(name)
    const { ids, labels, selected } = corrupt(batch.maskedPositions, sampled)(batch.inputIds)
    expect(numbersOf(ids)).toEqual(goldenNumbers(`${name}.corrupted_ids`))
    expect(numbersOf(labels)).toEqual(goldenNumbers(`${name}.labels`))
    expect(numbersOf(selected)).toEqual(goldenNumbers(`${name}.selected`))
  })
})

describe.each([false, true])('samples where the originals are disallowed: %s', (disallowCorrect) => {
  const { batch } = goldenBatch()
  const expected = goldenNumbers(`sampling.ids${disallowCorrect ? '_disallow_correct' : ''}`)
  const each = batch.maskedIds.shape[0] * batch.maskedIds.shape[1]

  it.each([1, 0.5, 2])(
    'are those of an independent implementation with its noise, at temperature %f',
    (temperature) => {
      const logits = sampledLogits({ temperature, disallowCorrect })(
        golden('electra.generator_logits'),
        batch.maskedIds
      )
      const at = each * [1, 0.5, 2].indexOf(temperature)
      expect(numbersOf(pipe(logits, add(golden('sampling.noise')), argmax(-1)))).toEqual(expected.slice(at, at + each))
    }
  )
})

describe('electric', () => {
  it('has the losses, energies, log q, logits and gradients of an independent implementation', () => {
    const config = { ...goldenConfig('electric', { kind: 'two-tower' }), temperature: 1 }
    const { batch, denominators, sampled } = goldenBatch()
    const parts = { ...discriminatorParts, ...towers }
    const params = goldenParams<AnyJointParams>(electricObjective(config, goldenPieces).parameters, parts)
    const forward = electricForward(config, generatorOf(config, goldenPieces), () => sampled)
    expectGolden({ objective: 'electric', params, parts, real: ['energies', 'main_logits'] }, (at) => {
      const { loss, proposal, discriminatorLoss, energies, discriminatorLogits } = forward(at, batch, denominators)
      return {
        loss,
        generator_loss: proposal.loss,
        main_loss: discriminatorLoss,
        energies,
        main_logits: discriminatorLogits
      }
    })
  })
})
