import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import { showConfigError, type ElectraConfig } from '../../../src/electra/config/config.js'
import { presetConfig } from '../../../src/electra/config/resolve.js'
import { presetNames, type PresetName } from '../../../src/electra/config/presets.js'

const preset = (name: PresetName): ElectraConfig => {
  const resolved = presetConfig(name)
  if (E.isLeft(resolved)) throw new Error(showConfigError(resolved.left))
  return resolved.right
}

describe('presets', () => {
  it.each(presetNames)('%s resolves, under its own name', (name) => {
    expect(preset(name).name).toBe(name)
  })

  // Clark et al. 2020, table 6.
  it.each([
    ['small', 12, 256, 1024, 4, 128, 64, 256, 1, 0.15, 5e-4, 128, 1_000_000, 128],
    ['base', 12, 768, 3072, 12, 768, 256, 1024, 4, 0.15, 2e-4, 256, 766_000, 512],
    ['large', 24, 1024, 4096, 16, 1024, 256, 1024, 4, 0.25, 2e-4, 2048, 400_000, 512]
  ] as const)(
    '%s is the one of the paper',
    (name, layers, h, f, a, e, gh, gf, ga, mask, rate, batch, steps, length) => {
      const config = preset(name)
      expect(config.model).toEqual({
        hiddenSize: h,
        layers,
        heads: a,
        feedForwardSize: f,
        embeddingSize: e,
        maxPositions: 512,
        typeVocabSize: 2,
        hiddenDropout: 0.1,
        attentionDropout: 0.1,
        layerNormEps: 1e-12,
        initializerRange: 0.02
      })
      expect(config.generator).toEqual({ hiddenSize: gh, layers, heads: ga, feedForwardSize: gf })
      expect(config).toMatchObject({
        objective: 'electra',
        sequenceLength: length,
        batchSize: batch,
        maskProbability: mask,
        replaceProbability: 0.85,
        sampleWithReplacement: false,
        temperature: 1,
        generatorWeight: 1,
        discriminatorWeight: 50,
        training: { steps }
      })
      expect(config.optimizer).toEqual({
        learningRate: rate,
        warmupSteps: 10_000,
        decayPower: 1,
        weightDecay: 0.01,
        b1: 0.9,
        b2: 0.999,
        eps: 1e-6,
        clipNorm: 1
      })
    }
  )

  it('tiny is the size at which libraries are compared', () => {
    expect(preset('tiny')).toMatchObject({
      model: { embeddingSize: 64, hiddenSize: 128, layers: 2, heads: 2, feedForwardSize: 512, maxPositions: 512 },
      generator: { hiddenSize: 64, layers: 2, heads: 1, feedForwardSize: 256 },
      sequenceLength: 64,
      batchSize: 32
    })
  })

  it('demo reads at most eight million tokens, in short rows of running text, with heads that start on neighbours', () => {
    const { training, sequenceLength, batchSize, packing, model, generator } = preset('demo')
    // Five minutes on two cores.
    expect(training.steps * sequenceLength * batchSize).toBeLessThan(8.2e6)
    expect({ sequenceLength, packing }).toEqual({ sequenceLength: 32, packing: 'running' })
    expect(model).toMatchObject({ initialAttention: 'local', heads: 4, hiddenSize: 64, embeddingSize: 64 })
    expect(generator).toMatchObject({ heads: 4, hiddenSize: 64 })
  })

  it('nano has both projections, and two heads', () => {
    const { model, generator } = preset('nano')
    expect(model.embeddingSize).not.toBe(model.hiddenSize)
    expect(model.embeddingSize).not.toBe(generator.hiddenSize)
    expect(model.heads).toBe(2)
  })
})
