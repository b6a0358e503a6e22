/**
 * Random graphs that read many arrays at once: for devices that bind few buffers.
 *
 * All is i32, where every order of sums gives the same, so results are compared exactly.
 */

import fc from 'fast-check'
import { sizeOf } from '../../../src/tensor/shape.js'
import * as T from '../../../src/tensor/tensor.js'
import type { Tensor } from '../../../src/tensor/tensor.js'
import type { Graph } from './graphs.js'

const rows = 4
const columns = 9
const shape = [rows, columns]

const spread = (x: Tensor, lead: ReadonlyArray<number>): Tensor => T.broadcastNode(shape, T.reshapeNode(lead, x))

/** Of matrices of one shape, a matrix of that shape; the last two also read it whole. */
const operations: ReadonlyArray<(x: Tensor, y: Tensor, z: Tensor) => Tensor> = [
  (x, y) => T.binaryNode('add', x, y),
  (x, y) => T.binaryNode('sub', x, y),
  (x, y) => T.binaryNode('xor', x, y),
  (x, y) => T.binaryNode('mul', x, y),
  (x, y, z) => T.selectNode(T.compareNode('lt', x, y), y, z),
  (x, y) => T.binaryNode('add', x, T.reshapeNode(shape, T.permuteNode([1, 0], y))),
  (x, y) => T.binaryNode('sub', x, spread(T.reduceNode('max', [1], y), [rows, 1])),
  (x, y) => T.binaryNode('add', x, spread(T.reduceNode('sum', [0], y), [1, columns])),
  (x, y) => T.binaryNode('xor', x, spread(T.reduceNode('sum', [0, 1], y), [1, 1])),
  (x, y) => T.binaryNode('add', x, T.binaryNode('mul', y, T.broadcastNode(shape, T.constantNode(3, 'i32')))),
  (x, y) => T.binaryNode('mul', y, T.binaryNode('sub', x, T.iotaNode(shape, 1, 'i32'))),
  (x, y, z) => T.binaryNode('add', z, T.gatherNode(0, x, rowIndices(y))),
  (x, y, z) => T.binaryNode('sub', z, T.scatterAddNode(0, shape, rowIndices(y), x))
]

/** One for each row, some past the last. */
const rowIndices = (y: Tensor): Tensor => {
  const first = T.reshapeNode([rows], T.sliceNode([0, 0], [1, 1], [rows, 1], y))
  return T.binaryNode('and', first, T.broadcastNode([rows], T.constantNode(7, 'i32')))
}

const choice = fc.nat({ max: 1000 })

/** Graphs of up to `size` operations on up to 20 matrices. Every other operand is one of the newest: so that chains grow. */
export const wideGraphs = (size = 32): fc.Arbitrary<Graph> =>
  fc
    .record({
      inputs: fc.integer({ min: 1, max: 20 }),
      steps: fc.array(fc.tuple(choice, choice, choice, choice), { minLength: 1, maxLength: size, size: 'max' }),
      outputs: fc.array(choice, { minLength: 1, maxLength: 3 })
    })
    .map(({ inputs: count, steps, outputs }) => {
      const inputs = Array.from({ length: count }, (_, i) => T.inputNode(`x${i}`, shape, 'i32'))
      const pool: Array<Tensor> = [...inputs]
      for (const [operation, ...operands] of steps) {
        const [x, y, z] = operands.map((n) =>
          n % 2 === 0 ? pool[n % pool.length] : pool[pool.length - 1 - (n % Math.min(3, pool.length))]
        )
        pool.push(operations[operation % operations.length](x, y, z))
      }
      return {
        inputs,
        data: inputs.map((_, i) =>
          Int32Array.from({ length: sizeOf(shape) }, (_, j) => ((i + 2) * j * j + 5 * i) % 23)
        ),
        outputs: [pool.length - 1, ...outputs].map((n) => ({ tensor: pool[n % pool.length], bound: 0, error: 0 }))
      }
    })
