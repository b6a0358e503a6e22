/**
 * Batched products followed by something that goes through them: what can be cut into panels.
 */

import fc from 'fast-check'
import { matmul } from '../../../src/tensor/index.js'
import * as T from '../../../src/tensor/tensor.js'
import type { Tensor } from '../../../src/tensor/tensor.js'
import type { Graph } from './graphs.js'

/** What is made of products of shape [a, b, m, n]. */
const ends: ReadonlyArray<(p: Tensor) => Tensor> = [
  (p) => T.unaryNode('neg', p),
  (p) => T.reduceNode('sum', [3], p),
  (p) => T.reduceNode('sum', [0, 2], p),
  (p) => T.unaryNode('neg', T.permuteNode([0, 2, 1, 3], p)),
  (p) => T.reduceNode('max', [2], T.unaryNode('neg', p)),
  (p) => {
    const most = T.reshapeNode([...p.shape.slice(0, 3), 1], T.reduceNode('max', [3], p))
    return T.binaryNode('sub', p, T.broadcastNode(p.shape, most))
  }
]

/** Their results have `least` elements or more. */
export const batchedProducts = (least = 1): fc.Arbitrary<Graph> =>
  fc
    .record({
      batch: fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 3 })),
      m: fc.integer({ min: 1, max: 5 }),
      columns: fc.integer({ min: 1, max: 5 }),
      k: fc.integer({ min: 1, max: 4 }),
      end: fc.constantFrom(...ends),
      // Operands that are computed stand in temporary memory.
      start: fc.constantFrom<(x: Tensor) => Tensor>(
        (x) => x,
        (x) => T.unaryNode('neg', x)
      ),
      seed: fc.nat({ max: 1000 })
    })
    .map(({ batch: [a, b], m, columns, k, start, end, seed }) => {
      const n = columns + Math.floor(least / (a * b * m))
      // Small integers: every value is exact, whatever the order of the sums.
      const fill = (size: number): Float32Array =>
        Float32Array.from({ length: size }, (_, i) => ((i * i + seed * (i + 1)) % 17) - 8)
      const x = T.inputNode('x', [a, b, m, k], 'f32')
      const y = T.inputNode('y', [a, b, k, n], 'f32')
      return {
        inputs: [x, y],
        data: [fill(a * b * m * k), fill(a * b * k * n)],
        outputs: [{ tensor: end(matmul(start(y))(start(x))), bound: 1e4, error: 0 }]
      }
    })
