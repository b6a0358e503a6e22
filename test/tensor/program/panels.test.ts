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
import { graphs } from './graphs.js'
import { batchedProducts } from './products.js'

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
    fc.assert(
      fc.property(batchedProducts(), (graph) => expectAgreement(graph, panelled(fuse(schedule(programOf(graph))), 1))),
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
