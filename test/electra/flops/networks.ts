/** Networks to count, of sizes that nobody chose. */

import fc from 'fast-check'
import type { Network } from '../../../src/electra/flops/network.js'

const size = (max: number): fc.Arbitrary<number> => fc.integer({ min: 1, max })

export const networks: fc.Arbitrary<Network> = fc
  .record({
    role: fc.constantFrom('generator', 'discriminator', 'model'),
    heads: size(8),
    headSize: size(64),
    layers: size(24),
    feedForwardSize: size(4096),
    embeddingSize: size(1024),
    vocabSize: size(50_000),
    typeVocabSize: size(4),
    positions: size(512),
    outputs: fc.subarray([
      { kind: 'softmax', at: 'masked' },
      { kind: 'binary', at: 'all' },
      { kind: 'logit', at: 'all' }
    ] as const)
  })
  .map(({ role, positions, outputs, headSize, ...rest }) => ({
    role,
    positions,
    outputs,
    size: { ...rest, hiddenSize: rest.heads * headSize }
  }))
