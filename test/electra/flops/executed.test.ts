import fc from 'fast-check'
import { pipe } from 'fp-ts/lib/function.js'
import { describe, expect, it } from 'vitest'
import type { ElectraConfig } from '../../../src/electra/config/config.js'
import { resolveConfig } from '../../../src/electra/config/resolve.js'
import {
  executedByProgram,
  executedByStep,
  executedFlops,
  executedOnAverage,
  type Executed
} from '../../../src/electra/flops/executed.js'
import { objectiveOf } from '../../../src/electra/objective/table.js'
import { pretrainingPrograms } from '../../../src/electra/pretraining/programs.js'
import { drawnPieces } from '../../../src/electra/objective/pieces.js'
import { add, exp, matmul, mul, sum, type Tensor } from '../../../src/tensor/index.js'
import { outputSpecs } from '../../../src/tensor/program/program.js'
import { spec, trace } from '../../../src/tensor/program/trace.js'
import { wasm } from '../../../src/tensor/run/wasm/wasm.js'
import { flopsOf } from '../../../src/tensor/program/cost.js'
import { sizeOf } from '../../../src/tensor/shape.js'
import type { Step } from '../../../src/workers/index.js'
import { wasmLimits } from '../../../src/tensor/run/wasm/limits.js'
import { right } from '../data/right.js'
import { forwardProducts } from '../profile/products.js'

const stepOf = (config: ElectraConfig, vocabSize: number): Step =>
  right(pretrainingPrograms(config, objectiveOf(config, drawnPieces(vocabSize)), 100)).stages[0].step

const executed = (f: (...of: ReadonlyArray<Tensor>) => unknown, ...shapes: ReadonlyArray<ReadonlyArray<number>>) =>
  executedByProgram(right(trace(f)(...shapes.map((shape) => spec(shape)))).program)

describe('what a program executes', () => {
  it('is a product, and a bias and an exponential of every element of it', () => {
    expect(executed((x, w, b) => pipe(x, matmul(w), add(b), exp), [4, 8], [8, 3], [3])).toEqual({
      contractions: 2 * 4 * 8 * 3,
      everythingElse: 2 * 4 * 3,
      randomWords: 0
    })
  })

  it('is a sum along a row for every element, and what is done with it once a row', () => {
    expect(executed((x, y) => pipe(x, mul(y), sum({ axes: [1] }), mul(2)), [5, 7], [5, 7]).everythingElse).toBe(
      2 * 35 + 5
    )
  })

  it('moves nothing for counting', () => {
    expect(executed((x) => x, [5, 7])).toEqual({ contractions: 0, everythingElse: 0, randomWords: 0 })
  })
})

const small = fc.integer({ min: 1, max: 3 })
const configs = fc
  .record({ width: small, heads: small, rest: small, shards: fc.constantFrom(1, 2, 4), isElectra: fc.boolean() })
  .map(({ width, heads, rest, shards, isElectra }) =>
    right(
      resolveConfig({
        extends: 'nano',
        objective: isElectra ? 'electra' : 'mlm',
        model: { hiddenSize: 4 * width * heads, heads, layers: 1, embeddingSize: 8 * rest, feedForwardSize: 5 * width },
        sequenceLength: 8 + width,
        shards
      })
    )
  )

describe('what a training step executes', () => {
  it('is the gradients of every shard, with three times the products of the forward pass, their sum, and one update', () => {
    fc.assert(
      fc.property(configs, (config) => {
        const step = stepOf(config, 30)
        const [gradient, update] = [step.shardGrad, step.update].map(({ program }) => executedByProgram(program))
        const sums = outputSpecs(step.shardGrad.program).reduce((total, { shape }) => total + sizeOf(shape), 0)
        const of = (key: keyof Executed): number => config.shards * gradient[key] + update[key]
        const { contractions, everythingElse, randomWords } = executedByStep(step)
        expect(contractions).toBe(of('contractions'))
        expect(contractions).toBe(3 * forwardProducts(config, 30, config.batchSize))
        expect(everythingElse).toBe(of('everythingElse') + (config.shards - 1) * sums)
        expect(randomWords).toBe(of('randomWords'))
        expect(executedFlops(executedByStep(step))).toBe(contractions + everythingElse)
      }),
      { numRuns: 6 }
    )
  })

  it('is on average what the parts of a run execute, by their shares', () => {
    const [one, other] = ['electra', 'mlm'].map((objective) =>
      stepOf(right(resolveConfig({ extends: 'nano', objective })), 30)
    )
    const [a, b] = [one, other].map(executedByStep)
    expect(executedOnAverage([{ share: 1, step: one }])).toEqual(a)
    const mixed = executedOnAverage([
      { share: 0.25, step: one },
      { share: 0.75, step: other }
    ])
    expect(executedFlops(mixed)).toBe(0.25 * executedFlops(a) + 0.75 * executedFlops(b))
  })

  it('is what the kernels of a device do', () => {
    const config = right(resolveConfig({ extends: 'nano' }))
    const { shardGrad, update } = stepOf(config, 60)
    for (const { program } of [shardGrad, update]) {
      const { kernels } = right(wasm().load(program))
      const all = kernels?.kernels.reduce((total, kernel) => total + flopsOf(kernel, wasmLimits), 0)
      expect(executedFlops(executedByProgram(program))).toBe(all)
    }
  })

  it('draws a number for each element that may be dropped, and none where nothing is', () => {
    const config = right(resolveConfig({ extends: 'nano', objective: 'mlm' }))
    const still = { ...config, model: { ...config.model, hiddenDropout: 0, attentionDropout: 0 } }
    expect(executedByStep(stepOf(still, 60)).randomWords).toBe(0)
    const { batchSize, sequenceLength: s, model } = config
    const { layers, hiddenSize, heads, embeddingSize } = model
    const dropped = batchSize * s * (embeddingSize + layers * (2 * hiddenSize + heads * s))
    // And two for each key that is folded.
    const { randomWords } = executedByStep(stepOf(config, 60))
    expect(randomWords).toBeGreaterThan(dropped)
    expect(randomWords).toBeLessThan(1.01 * dropped)
  })
})
