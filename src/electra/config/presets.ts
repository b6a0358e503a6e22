/**
 * Complete configurations by name.
 *
 * `small`, `base` and `large` are the paper's: Clark et al. 2020, tables 6 and 1, https://arxiv.org/abs/2003.10555, with
 * the settings of the published code (https://github.com/google-research/electra) where the paper is silent. `tiny`,
 * `demo` and `nano` are of this library: for comparing speed, for a first look, and for tests.
 */

import type { CompleteInput } from './schema.js'

/** What all of them have alike, as the published code has it. */
const model = {
  maxPositions: 512,
  typeVocabSize: 2,
  hiddenDropout: 0.1,
  attentionDropout: 0.1,
  layerNormEps: 1e-12,
  initializerRange: 0.02
}

const optimizer = {
  learningRate: 5e-4,
  warmupSteps: 10_000,
  decayPower: 1,
  weightDecay: 0.01,
  b1: 0.9,
  b2: 0.999,
  eps: 1e-6,
  clipNorm: 1
}

const objective = {
  objective: 'electra',
  maskProbability: 0.15,
  replaceProbability: 0.85,
  sampleWithReplacement: false,
  temperature: 1,
  generatorWeight: 1,
  discriminatorWeight: 50
} as const

const training = { checkpointEvery: 1000, keepCheckpoints: 5, evaluationBatches: 100 }

export const presetNames = ['small', 'base', 'large', 'tiny', 'demo', 'nano'] as const

export type PresetName = (typeof presetNames)[number]

/** Sizes that are not here follow from those that are: see `resolveConfig`. */
export const presets: Readonly<Record<PresetName, CompleteInput>> = {
  small: {
    ...objective,
    name: 'small',
    model: { ...model, embeddingSize: 128, hiddenSize: 256, layers: 12 },
    generator: { hiddenMultiplier: 0.25 },
    sequenceLength: 128,
    batchSize: 128,
    shards: 8,
    optimizer,
    training: { ...training, steps: 1_000_000 }
  },
  base: {
    ...objective,
    name: 'base',
    model: { ...model, hiddenSize: 768, layers: 12 },
    // The published code's spelling of a third: 768 * 0.33333 rounds to 256.
    generator: { hiddenMultiplier: 0.33333 },
    sequenceLength: 512,
    batchSize: 256,
    shards: 16,
    optimizer: { ...optimizer, learningRate: 2e-4 },
    training: { ...training, steps: 766_000 }
  },
  large: {
    ...objective,
    name: 'large',
    maskProbability: 0.25,
    model: { ...model, hiddenSize: 1024, layers: 24 },
    generator: { hiddenMultiplier: 0.25 },
    sequenceLength: 512,
    batchSize: 2048,
    shards: 128,
    optimizer: { ...optimizer, learningRate: 2e-4 },
    training: { ...training, steps: 400_000 }
  },
  tiny: {
    ...objective,
    name: 'tiny',
    // Of the demo's recipe what leaves its sizes alone.
    model: {
      ...model,
      embeddingSize: 64,
      hiddenSize: 128,
      layers: 2,
      hiddenDropout: 0,
      attentionDropout: 0,
      initializerRange: 0.1,
      initialAttention: 'local'
    },
    generator: { hiddenMultiplier: 0.5 },
    packing: 'running',
    sequenceLength: 64,
    batchSize: 32,
    shards: 2,
    temperature: 2,
    optimizer: { ...optimizer, learningRate: 2e-3, warmupSteps: 200, b2: 0.98 },
    training: { ...training, steps: 10_000, evaluationBatches: 20 }
  },
  demo: {
    ...objective,
    name: 'demo',
    // No dropout: in so few steps a model this small cannot overfit, and dropout would only slow it. Rows are short, layers start
    // from large numbers and heads on neighbours, so that the plateau of a model that reads no context is short, too.
    model: {
      ...model,
      embeddingSize: 64,
      hiddenSize: 64,
      heads: 4,
      feedForwardSize: 128,
      layers: 2,
      maxPositions: 32,
      hiddenDropout: 0,
      attentionDropout: 0,
      initializerRange: 0.15,
      initialAttention: 'local'
    },
    // As wide as the embeddings, and shallow instead of narrow.
    generator: { hiddenSize: 64, layers: 1, heads: 4, feedForwardSize: 256 },
    packing: 'running',
    sequenceLength: 32,
    batchSize: 32,
    shards: 2,
    maskProbability: 0.2,
    // A generator that is good before the discriminator has learnt anything leaves it nothing to learn from.
    temperature: 2.5,
    optimizer: { ...optimizer, learningRate: 5e-3, warmupSteps: 800, b2: 0.98 },
    training: { steps: 8000, checkpointEvery: 500, keepCheckpoints: 2, evaluationBatches: 8 }
  },
  nano: {
    ...objective,
    name: 'nano',
    // Two heads, and both projections: every kind of parameter is there.
    model: { ...model, embeddingSize: 8, hiddenSize: 16, layers: 2, heads: 2, maxPositions: 32 },
    generator: { hiddenMultiplier: 0.75 },
    sequenceLength: 16,
    batchSize: 4,
    shards: 2,
    optimizer: { ...optimizer, learningRate: 1e-3, warmupSteps: 4 },
    training: { steps: 20, checkpointEvery: 5, keepCheckpoints: 2, evaluationBatches: 2 }
  }
}
