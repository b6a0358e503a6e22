import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ElectraConfig, EncoderSize } from '../../../src/electra/config/config.js'
import { presetConfig, resolveConfig } from '../../../src/electra/config/resolve.js'
import { slotsOf } from '../../../src/electra/data/examples/masking.js'
import { groupKernels, totalOf } from '../../../src/electra/profile/cost.js'
import { loadStep, type LoadedProgram } from '../../../src/electra/profile/step.js'
import { wasm } from '../../../src/tensor/run/wasm/wasm.js'
import { right } from '../data/right.js'

/** Operations of the products that both networks take forward: `2 m n k` each. */
const forward = (config: ElectraConfig, vocabSize: number, examples: number): number => {
  const { model, generator, sequenceLength, maskProbability, objective } = config
  const { embeddingSize, hiddenSize } = model
  const tokens = examples * sequenceLength
  const slots = examples * slotsOf(maskProbability, sequenceLength)
  const product = (m: number, k: number, n: number): number => 2 * m * k * n
  const encoder = ({ hiddenSize: h, feedForwardSize: f, layers }: EncoderSize): number => {
    const projected = embeddingSize === h ? 0 : product(tokens, embeddingSize, h)
    // Queries, keys, values and what becomes of them; scores and what they weigh, of all heads together.
    const attention = 4 * product(tokens, h, h) + 2 * product(tokens, h, sequenceLength)
    return projected + layers * (attention + product(tokens, h, f) + product(tokens, f, h))
  }
  const filling =
    encoder(generator) + product(slots, generator.hiddenSize, embeddingSize) + product(slots, embeddingSize, vocabSize)
  const judging = encoder(model) + product(tokens, hiddenSize, hiddenSize) + product(tokens, hiddenSize, 1)
  return objective === 'mlm' ? filling : filling + judging
}

/** Operations of the products of a compiled program, those by panels included. */
const products = ({ executable: { kernels: program } }: LoadedProgram): number => {
  if (program === undefined) throw new Error('the device has no kernels')
  const kernels = program.kernels.flatMap((kernel) =>
    kernel._tag === 'contraction' ? [kernel] : kernel._tag === 'panels' ? [kernel.product] : []
  )
  const seconds = kernels.map(() => 0)
  return totalOf(groupKernels({ ...program, kernels }, seconds)).flops
}

/** Every product has two gradients, each a product of as many operations; the update has none. */
const expectProducts = (config: ElectraConfig, vocabSize: number, examples: number): void => {
  const { shardGrad, update } = right(loadStep(wasm(), { config, vocabSize, examples }))
  expect(products(shardGrad)).toBe(3 * forward(config, vocabSize, examples))
  expect(products(update)).toBe(0)
}

describe('the products of a step', () => {
  it.each([
    ['nano', 2, 60],
    ['demo', 8, 2000],
    ['tiny', 16, 8192]
  ] as const)('of %s, with %i examples and %i pieces, are three times those forward', (name, examples, vocabSize) => {
    expectProducts(right(presetConfig(name)), vocabSize, examples)
  })

  it('are so for sizes that nobody chose, and for masked language models', () => {
    const size = fc.integer({ min: 1, max: 3 })
    const sizes = fc.record({ width: size, heads: size, depth: size, rest: size, examples: size })
    fc.assert(
      fc.property(sizes, fc.constantFrom('electra', 'mlm'), ({ width, heads, depth, rest, examples }, objective) => {
        const hiddenSize = 4 * width * heads
        const model = {
          hiddenSize,
          heads,
          layers: depth === 3 ? 2 : 1,
          embeddingSize: 8 * rest,
          feedForwardSize: 5 * width
        }
        const config = resolveConfig({ extends: 'nano', objective, model, sequenceLength: 8 + width })
        expectProducts(right(config), 10 + rest, examples)
      }),
      { numRuns: 10 }
    )
  })
})
