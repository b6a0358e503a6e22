import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ElectraConfig } from '../../../src/electra/config/config.js'
import { presetConfig, resolveConfig } from '../../../src/electra/config/resolve.js'
import { groupKernels, totalOf } from '../../../src/electra/profile/cost.js'
import { loadStep, type LoadedProgram } from '../../../src/electra/profile/step.js'
import { wasm } from '../../../src/tensor/run/wasm/wasm.js'
import { wasmLimits } from '../../../src/tensor/run/wasm/limits.js'
import { right, rightOf } from '../data/right.js'
import { forwardProducts } from './products.js'

/** Operations of the products of a compiled program, those by panels included. */
const products = ({ executable: { kernels: program } }: LoadedProgram): number => {
  if (program === undefined) throw new Error('the device has no kernels')
  const kernels = program.kernels.flatMap((kernel) =>
    kernel._tag === 'contraction' ? [kernel] : kernel._tag === 'panels' ? [kernel.product] : []
  )
  const seconds = kernels.map(() => 0)
  return totalOf(groupKernels({ ...program, kernels }, wasmLimits, seconds)).flops
}

/** Every product has two gradients, each a product of as many operations; the update has none. */
const expectProducts = async (config: ElectraConfig, vocabSize: number, examples: number): Promise<void> => {
  const { shardGrad, update } = await rightOf(loadStep(wasm(), { config, vocabSize, examples }))
  expect(products(shardGrad)).toBe(3 * forwardProducts(config, vocabSize, examples))
  expect(products(update)).toBe(0)
}

describe('the products of a step', () => {
  it.each([
    ['nano', 2, 60],
    ['demo', 8, 2000],
    ['tiny', 16, 8192]
  ] as const)(
    'of %s, with %i examples and %i pieces, are three times those forward',
    async (name, examples, vocabSize) => {
      await expectProducts(right(presetConfig(name)), vocabSize, examples)
    }
  )

  it('are so for sizes that nobody chose, and for masked language models', async () => {
    const size = fc.integer({ min: 1, max: 3 })
    const sizes = fc.record({ width: size, heads: size, depth: size, rest: size, examples: size })
    await fc.assert(
      fc.asyncProperty(
        sizes,
        fc.constantFrom('electra', 'mlm'),
        async ({ width, heads, depth, rest, examples }, objective) => {
          const hiddenSize = 4 * width * heads
          const model = {
            hiddenSize,
            heads,
            layers: depth === 3 ? 2 : 1,
            embeddingSize: 8 * rest,
            feedForwardSize: 5 * width
          }
          const config = resolveConfig({ extends: 'nano', objective, model, sequenceLength: 8 + width })
          await expectProducts(right(config), 10 + rest, examples)
        }
      ),
      { numRuns: 10 }
    )
  })
})
