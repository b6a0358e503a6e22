import { pipe } from 'fp-ts/lib/function.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fuse } from '../../../src/tensor/program/fuse.js'
import { panelled } from '../../../src/tensor/program/panels.js'
import { schedule } from '../../../src/tensor/program/schedule.js'
import { spec, trace } from '../../../src/tensor/program/trace.js'
import { exp, matmul, sum, softmax, type Tensor } from '../../../src/tensor/index.js'
import * as T from '../../../src/tensor/tensor.js'
import { expectAgreement, programOf, right } from './agreement.js'
import { graphs, type Graph } from './graphs.js'

const tags = (f: (...xs: ReadonlyArray<Tensor>) => unknown, ...shapes: ReadonlyArray<ReadonlyArray<number>>) =>
  panelled(fuse(schedule(right(trace(f)(...shapes.map((shape) => spec(shape, 'f32')))).program)), 1).kernels.map(
    (kernel) => (kernel._tag === 'panels' ? `panels ${kernel.batches} ${kernel.isLocal}` : kernel._tag)
  )

describe('panels', () => {
  it('do not change what a program computes', () => {
    fc.assert(
      fc.property(graphs(), (graph) => expectAgreement(graph, panelled(fuse(schedule(programOf(graph))), 1))),
      { numRuns: 1000 }
    )
  })

  it('do not change what batched products followed by anything compute', () => {
    const matrices = fc.tuple(
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 0, max: 5 }),
      fc.infiniteStream(fc.integer({ min: -8, max: 8 }))
    )
    fc.assert(
      fc.property(matrices, ([a, b, m, n, k, after, values]) => {
        const fill = (size: number): Float32Array =>
          Float32Array.from({ length: size }, () => Number(values.next().value))
        const x = T.inputNode('x', [a, b, m, k], 'f32')
        const y = T.inputNode('y', [a, b, k, n], 'f32')
        const product = matmul(y)(x)
        const ends: ReadonlyArray<(p: Tensor) => Tensor> = [
          (p) => T.unaryNode('neg', p),
          (p) => T.reduceNode('sum', [3], p),
          (p) => T.reduceNode('sum', [0, 2], p),
          (p) => T.unaryNode('neg', T.permuteNode([0, 2, 1, 3], p)),
          (p) => T.reduceNode('max', [2], T.unaryNode('neg', p)),
          (p) =>
            T.binaryNode('sub', p, T.broadcastNode(p.shape, T.reshapeNode([a, b, m, 1], T.reduceNode('max', [3], p))))
        ]
        const graph: Graph = {
          inputs: [x, y],
          data: [fill(a * b * m * k), fill(a * b * k * n)],
          // Small integers: every value is exact, whatever the order of the sums.
          outputs: [{ tensor: ends[after](product), bound: 1e4, error: 0 }]
        }
        expectAgreement(graph, panelled(fuse(schedule(programOf(graph))), 1))
      }),
      { numRuns: 500 }
    )
  })

  it('hold one matrix at a time of what only the next loop reads', () => {
    expect(tags((x, y) => pipe(x, matmul(y), softmax()), [4, 8, 8], [4, 8, 8])).toEqual(['panels 1 true'])
    expect(tags((x, y) => pipe(x, matmul(y), exp), [4, 8, 8], [4, 8, 8])).toEqual(['panels 1 true'])
    expect(tags((x, y) => [pipe(x, matmul(y)), pipe(x, matmul(y), exp)], [4, 8, 8], [4, 8, 8])).not.toContain(
      'panels 1 true'
    )
  })

  it('are as many matrices as a step of the loop reads', () => {
    const heads = (x: Tensor, y: Tensor): Tensor => T.unaryNode('neg', T.permuteNode([0, 2, 1, 3], matmul(y)(x)))
    expect(tags(heads, [4, 2, 8, 8], [4, 2, 8, 8])).toEqual(['panels 2 true'])
  })

  it('may sum over the batch; a product without a batch has none', () => {
    expect(tags((x, y) => pipe(x, matmul(y), sum({ axes: 0 })), [4, 8, 8], [4, 8, 8])).toContain('panels 1 true')
    expect(tags((x, y) => pipe(x, matmul(y), softmax()), [8, 8], [8, 8])).toEqual(['contraction', 'loop'])
  })
})
