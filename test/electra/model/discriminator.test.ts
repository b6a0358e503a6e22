import { describe, expect, it } from 'vitest'
import { encode, type TokenInputs } from '../../../src/electra/model/body.js'
import { discriminatorSpec, predictReplaced, type Discriminator } from '../../../src/electra/model/discriminator.js'
import { add, flip, tensor, zeros } from '../../../src/tensor/index.js'
import {
  batchOf,
  configOf,
  given,
  numbersOf,
  rounding,
  scattered,
  treeDistance,
  vocabSize
} from '../objective/cases.js'

/** The exact GELU at five points. */
const gelu = [
  [-3, -0.004049694095],
  [-1, -0.158655253931],
  [0.5, 0.345731230637],
  [1, 0.841344746069],
  [3, 2.995950305905]
] as const

describe("the discriminator's head", () => {
  it('is a dense layer, the exact GELU, and one weighted sum', () => {
    const [kernel, bias] = [[2, -1, 0.5, 3, 0.25], 0.75]
    const head = {
      discriminator_predictions: {
        dense: { weight: zeros([5, 5]), bias: tensor(Float64Array.from(gelu, ([x]) => x)) },
        dense_prediction: { weight: tensor([kernel]), bias: tensor([bias]) }
      }
    }
    const logits = predictReplaced(head)(zeros([2, 3, 5]))
    expect(logits.shape).toEqual([2, 3])
    const expected = gelu.reduce((sum, [, y], i) => sum + kernel[i] * y, bias)
    // The values of GELU have twelve decimals, and the kernel sums to 6.75.
    for (const logit of numbersOf(logits)) expect(Math.abs(logit - expected)).toBeLessThan(6.75 * 5e-13 + 1e-12)
  })
})

describe('the discriminator', () => {
  const config = configOf()
  const { model } = config
  const spec = discriminatorSpec(model, model, vocabSize, model.initializerRange)
  const params = scattered<Discriminator>(spec, 1)
  const { inputIds: ids, attentionMask: mask, tokenTypeIds: types } = given(batchOf(config, 2))
  const logits = (at: Discriminator, inputs: TokenInputs) =>
    predictReplaced(at)(encode(model, model.heads, undefined)(at.electra.embeddings, at.electra)(inputs).final)

  it('judges each sequence of a batch by itself', () => {
    const whole = logits(params, { ids, mask, types })
    const swapped = logits(params, { ids: flip(0)(ids), mask: flip(0)(mask), types: flip(0)(types) })
    expect(treeDistance(flip(0)(swapped), whole)).toBeLessThan(rounding)
  })

  it('does not see a number that is added to every entry of an embedding table', () => {
    const { embeddings } = params.electra
    const shifted = { weight: add(3)(embeddings.word_embeddings.weight) }
    const moved = { ...params, electra: { ...params.electra, embeddings: { ...embeddings, word_embeddings: shifted } } }
    expect(treeDistance(logits(moved, { ids, mask, types }), logits(params, { ids, mask, types }))).toBeLessThan(
      rounding
    )
  })
})
