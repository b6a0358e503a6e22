import { pipe } from 'fp-ts/lib/function.js'
import { describe, expect, it } from 'vitest'
import { addDecayedWeights, isDecayed, layerwiseDecay, scaleByPath } from '../../src/nn/decay.js'
import { andThen, type Optimizer, type Stateless } from '../../src/nn/optimizer.js'
import { mapParams } from '../../src/nn/params.js'
import { scalar } from '../../src/tensor/index.js'
import { mapTensors } from '../../src/tensor/tree.js'
import { doubles, values } from './double.js'

const params = {
  'electra.embeddings': { word_embeddings: { weight: doubles([1], [2]) } },
  encoder: { layer: [{ output: { dense: { weight: doubles([1], [3]), bias: doubles([1], [5]) } } }] }
}

const updated = (part: Optimizer<Stateless>): unknown => {
  const [updates] = part.update(
    mapParams(() => doubles([1], [1]), params),
    {},
    params,
    { step: scalar(0) }
  )
  return mapTensors<unknown, number>((x) => values(x)[0], updates)
}

describe('isDecayed', () => {
  it.each([
    ['electra.embeddings.word_embeddings.weight', true],
    ['electra.encoder.layer.0.attention.self.query.weight', true],
    ['electra.embeddings_project.weight', true],
    ['electra.encoder.layer.0.attention.self.query.bias', false],
    ['electra.embeddings.LayerNorm.weight', false],
    ['generator_predictions.layer_norm.weight', false],
    ['generator_lm_head.bias', false],
    ['output_bias', false]
  ])('of %s is %s', (path, decayed) => {
    expect(isDecayed(path)).toBe(decayed)
  })
})

describe('addDecayedWeights', () => {
  it('adds rate times the parameter where the path is decayed, and nothing elsewhere', () => {
    expect(updated(addDecayedWeights(0.5, isDecayed))).toEqual({
      'electra.embeddings': { word_embeddings: { weight: 2 } },
      encoder: { layer: [{ output: { dense: { weight: 2.5, bias: 1 } } }] }
    })
  })
})

describe('layerwiseDecay', () => {
  it.each([
    [0.8, 12, 'electra.embeddings.word_embeddings.weight', 0.04398],
    [0.8, 12, 'electra.embeddings_project.weight', 0.04398],
    [0.8, 12, 'electra.encoder.layer.0.output.dense.bias', 0.05498],
    [0.8, 12, 'electra.encoder.layer.11.output.LayerNorm.weight', 0.64],
    [0.8, 12, 'classifier.dense.weight', 1],
    [0.9, 24, 'electra.embeddings.LayerNorm.bias', 0.06461],
    [0.9, 24, 'electra.encoder.layer.0.output.dense.weight', 0.07179],
    [0.9, 24, 'electra.encoder.layer.23.output.dense.weight', 0.81],
    [0, 12, 'electra.embeddings.word_embeddings.weight', 1]
  ])('of d = %f and %i layers gives %s the published rate %f', (decay, layers, path, rate) => {
    expect(Math.abs(layerwiseDecay({ decay, layers })(path) - rate)).toBeLessThan(5e-6)
  })

  it.each([
    [0.8, 12, 'electra.embeddings.word_embeddings.weight', 0.8 ** 13],
    [0.8, 12, 'electra.embeddings_project.weight', 0.8 ** 13],
    [0.8, 12, 'electra.encoder.layer.0.output.dense.bias', 0.8 ** 12],
    [0.8, 12, 'electra.encoder.layer.11.output.LayerNorm.weight', 0.8],
    [0.8, 12, 'qa_outputs.weight', 1],
    [0, 12, 'electra.encoder.layer.0.output.dense.bias', 1]
  ])('of d = %f and %i layers, plain, gives %s the rate %f', (decay, layers, path, rate) => {
    const found = layerwiseDecay({ decay, layers, exponent: 'plain' })(path)
    expect(Math.abs(found - rate)).toBeLessThan(1e-15)
  })

  it('refuses a layer that the model does not have', () => {
    expect(() => layerwiseDecay({ decay: 0.8, layers: 2 })('electra.encoder.layer.2.output.dense.bias')).toThrow(
      /layer below 2/
    )
  })
})

describe('scaleByPath', () => {
  it('after the weight decay multiplies it too', () => {
    const chain = pipe(
      addDecayedWeights(0.5, isDecayed),
      andThen(scaleByPath((path) => (path.startsWith('encoder') ? 0.1 : 1)))
    )
    expect(updated(chain)).toEqual({
      'electra.embeddings': { word_embeddings: { weight: 2 } },
      encoder: { layer: [{ output: { dense: { weight: 0.25, bias: 0.1 } } }] }
    })
  })
})
