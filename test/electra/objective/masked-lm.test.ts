import fc from 'fast-check'
import { pipe } from 'fp-ts/lib/function.js'
import { describe, expect, it } from 'vitest'
import { maskedLmLoss } from '../../../src/electra/objective/masked-lm-loss.js'
import { maskedLmObjective } from '../../../src/electra/objective/masked-lm.js'
import { encode } from '../../../src/electra/model/body.js'
import { predictTokens, type MaskedLanguageModel } from '../../../src/electra/model/generator.js'
import { countParameters, isParameterSpec } from '../../../src/nn/index.js'
import { random, tensor } from '../../../src/tensor/index.js'
import { entries } from '../../../src/tensor/tree.js'
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
  vocabSize,
  type HostBatch
} from './cases.js'
import { drawnPieces } from '../../../src/electra/objective/pieces.js'

const config = configOf({ objective: 'mlm', maskProbability: 0.3 })

/** `sum w (-log softmax(logits)[id]) / (sum w + 1e-6)` as the paper writes it. */
const naiveLoss = (
  logits: ReadonlyArray<ReadonlyArray<number>>,
  ids: ArrayLike<number>,
  weights: ArrayLike<number>
): number => {
  const total = logits.reduce((sum, row, slot) => {
    const mass = row.reduce((m, x) => m + Math.exp(x), 0)
    return sum - weights[slot] * Math.log(Math.exp(row[ids[slot]]) / mass)
  }, 0)
  return total / (Array.from(weights).reduce((a, b) => a + b, 0) + 1e-6)
}

const chunks = (values: ReadonlyArray<number>, size: number): ReadonlyArray<ReadonlyArray<number>> =>
  Array.from({ length: values.length / size }, (_, i) => values.slice(i * size, (i + 1) * size))

describe('the masked-LM loss', () => {
  const lossOf = (host: HostBatch, logits: ReadonlyArray<number>): number =>
    numberOf(
      maskedLmLoss(
        given(host),
        denominatorsOf(host)
      )(tensor(Float64Array.from(logits), { shape: [host.rows, host.maskedIds.length / host.rows, vocabSize] }))
    )

  const logitsOf = (n: number) =>
    fc.array(
      fc.integer({ min: -400, max: 400 }).map((x) => x / 100),
      { minLength: n, maxLength: n }
    )

  it.each([false, true])(
    'is the weighted mean over slots, a position counted as often as it was drawn (with replacement: %s)',
    (sampleWithReplacement) => {
      const batch = batchOf(configOf({ maskProbability: 0.3, sampleWithReplacement }), 5)
      fc.assert(
        fc.property(logitsOf(batch.maskedIds.length * vocabSize), (logits) => {
          const expected = naiveLoss(chunks(logits, vocabSize), batch.maskedIds, batch.maskedWeights)
          expect(distance([lossOf(batch, logits)], [expected])).toBeLessThan(rounding)
        }),
        { numRuns: 10 }
      )
    }
  )

  it('is 0 where nothing is predicted', () => {
    const batch = batchOf(config, 5)
    const none = { ...batch, maskedWeights: batch.maskedWeights.map(() => 0) }
    expect(lossOf(none, new Array<number>(batch.maskedIds.length * vocabSize).fill(0))).toBe(0)
  })
})

describe('the masked-LM baseline', () => {
  const objective = maskedLmObjective(config, drawnPieces(vocabSize))
  const params = scattered<{ readonly generator: MaskedLanguageModel }>(objective.parameters, 1)
  const batch = batchOf(config, 2)

  const evaluation = (host: HostBatch, training = false) =>
    numbersByPath(
      objective.stages[0].shardLoss(params, given(host), denominatorsOf(host), { training, key: random.key(3) })
    )

  it("is one network of the model's own size, with the masked-LM head and nothing of a discriminator", () => {
    const paths = entries(isParameterSpec, objective.parameters).map(([path]) => path)
    const layer = (i: number) =>
      [
        'attention.output.LayerNorm.bias',
        'attention.output.LayerNorm.weight',
        'attention.output.dense.bias',
        'attention.output.dense.weight',
        'attention.self.key.bias',
        'attention.self.key.weight',
        'attention.self.query.bias',
        'attention.self.query.weight',
        'attention.self.value.bias',
        'attention.self.value.weight',
        'intermediate.dense.bias',
        'intermediate.dense.weight',
        'output.LayerNorm.bias',
        'output.LayerNorm.weight',
        'output.dense.bias',
        'output.dense.weight'
      ].map((name) => `electra.encoder.layer.${i}.${name}`)
    expect(paths).toEqual(
      [
        'electra.embeddings.LayerNorm.bias',
        'electra.embeddings.LayerNorm.weight',
        'electra.embeddings.position_embeddings.weight',
        'electra.embeddings.token_type_embeddings.weight',
        'electra.embeddings.word_embeddings.weight',
        'electra.embeddings_project.bias',
        'electra.embeddings_project.weight',
        ...layer(0),
        ...layer(1),
        'generator_lm_head.bias',
        'generator_predictions.LayerNorm.bias',
        'generator_predictions.LayerNorm.weight',
        'generator_predictions.dense.bias',
        'generator_predictions.dense.weight'
      ].map((name) => `generator.${name}`)
    )
    const { embeddingSize: e, hiddenSize: h, feedForwardSize: f, layers, maxPositions } = config.model
    const perLayer = 4 * (h * h + h) + 2 * h + (h * f + f) + (f * h + h) + 2 * h
    const embeddings = (vocabSize + maxPositions + 2) * e + 2 * e
    expect(countParameters(objective.parameters)).toBe(
      embeddings + (e * h + h) + layers * perLayer + (h * e + e + 2 * e + vocabSize)
    )
  })

  it('loses what the definition says of its logits', () => {
    const { model } = config
    const { generator } = params
    const { embeddings } = generator.electra
    const { maskedInputIds: ids, attentionMask: mask, tokenTypeIds: types, maskedPositions } = given(batch)
    const hidden = encode(model, model.heads, undefined)(embeddings, generator.electra)({ ids, mask, types }).final
    const logits = predictTokens(model.layerNormEps)(generator, embeddings)(hidden, maskedPositions)
    const expected = naiveLoss(chunks(numbersOf(logits), vocabSize), batch.maskedIds, batch.maskedWeights)
    expect(distance(evaluation(batch).get('loss') ?? [], [expected])).toBeLessThan(rounding)
  })

  it('reads the masked tokens only, never the originals', () => {
    const other = { ...batch, inputIds: batch.inputIds.map(() => 7) }
    expect(evaluation(other)).toEqual(evaluation(batch))
    expect(evaluation(other, true)).toEqual(evaluation(batch, true))
    const unmasked = { ...batch, maskedInputIds: batch.inputIds }
    expect(evaluation(unmasked).get('loss')).not.toEqual(evaluation(batch).get('loss'))
  })

  it('reports the loss and the share of slots whose likeliest token is the original', () => {
    const sums = pipe(
      objective.stages[0].shardLoss(params, given(batch), denominatorsOf(batch), {
        training: false,
        key: random.key(3)
      }).metrics,
      numbersByPath,
      Object.fromEntries
    ) as Record<string, ReadonlyArray<number>>
    const counted = batch.maskedWeights.reduce((a, b) => a + b, 0)
    expect(objective.stages[0].report(sums, 1)).toEqual({
      loss: sums.maskedLmLoss[0],
      maskedLmLoss: sums.maskedLmLoss[0],
      maskedLmAccuracy: sums.maskedLmHits[0] / counted
    })
  })
})
