/** Every objective's gradient is what differences of its loss say, where what it holds constant is held. */

import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import { gradientCheck, showGradientError } from '../../../src/autodiff/index.js'
import { generatorNames } from '../../../src/electra/objective/generators/table.js'
import { drawnPieces } from '../../../src/electra/objective/pieces.js'
import { objectiveNames, objectiveOf, objectives } from '../../../src/electra/objective/table.js'
import type { Params } from '../../../src/nn/index.js'
import { random, type Tensor } from '../../../src/tensor/index.js'
import { batchOf, computed, configOf, denominatorsOf, given, scattered, vocabSize } from './cases.js'

/** The graph with `f(node, n)` in place of the n-th constant for differentiation, counted from its inputs on. */
const mapStopped = (f: (node: Tensor, n: number) => Tensor, graph: Tensor): Tensor => {
  const made = new Map<Tensor, Tensor>()
  let stopped = 0
  const go = (node: Tensor): Tensor => {
    const known = made.get(node)
    if (known !== undefined) return known
    const inputs = node.inputs.map(go)
    const isSame = inputs.every((x, i) => x === node.inputs[i])
    const result = node.op._tag === 'stopGradient' ? f(node, stopped++) : isSame ? node : { ...node, inputs }
    made.set(node, result)
    return result
  }
  return go(graph)
}

/** The function with its constants for differentiation as they are at `point`: what its gradient there is the gradient of. */
const heldAt = (f: (at: Params) => Tensor, point: Params): ((at: Params) => Tensor) => {
  const nodes: Array<Tensor> = []
  mapStopped((node) => {
    nodes.push(node)
    return node
  }, f(point))
  const values = computed(nodes)
  return (at) => mapStopped((_, n) => values[n], f(at))
}

const tiny = {
  sequenceLength: 8,
  batchSize: 2,
  shards: 1,
  maskProbability: 0.3,
  model: { layers: 1, hiddenSize: 8, embeddingSize: 6, heads: 2, maxPositions: 8 }
}

const cases = [
  ...objectiveNames.map((objective) => ({ name: objective, change: { objective, ...objectives[objective].example } })),
  // Those that are not in every objective's own case already.
  ...(generatorNames as ReadonlyArray<string>)
    .filter((kind) => kind !== 'masked-lm')
    .map((kind) => ({ name: `electra on the generator ${kind}`, change: { generator: { kind } } })),
  { name: 'electra that shares nothing', change: { sharing: 'none' } },
  { name: 'electra that shares all but the heads', change: { sharing: 'all' } }
]

describe.each(cases)('the gradient of $name', ({ change }) => {
  const config = configOf({ ...change, ...tiny })
  const { parameters, stages } = objectiveOf(config, drawnPieces(vocabSize))
  const point = scattered<Params>(parameters, 1)
  const batch = batchOf(config, 2)

  it.each(stages.map((stage, i) => [i, stage] as const))(
    'is what differences of the loss of stage %i say',
    (_, stage) => {
      const loss = (at: Params): Tensor =>
        stage.shardLoss(at, given(batch), denominatorsOf(batch), { training: true, key: random.key(3) }).loss
      const report = gradientCheck(heldAt(loss, point), point, { elements: 6, directions: 2 })
      if (E.isLeft(report)) throw new Error(showGradientError(report.left))
      expect(report.right.compared).toBe(8)
    }
  )
})
