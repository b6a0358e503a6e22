import { pipe } from 'fp-ts/lib/function.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fuse } from '../../../src/tensor/program/fuse.js'
import type { PanelLimits } from '../../../src/tensor/program/device-limits.js'
import type { Contraction } from '../../../src/tensor/program/kernel.js'
import { panelled } from '../../../src/tensor/program/panels.js'
import { schedule } from '../../../src/tensor/program/schedule.js'
import { spec, trace } from '../../../src/tensor/program/trace.js'
import { add, exp, matmul, sum, softmax, type Tensor } from '../../../src/tensor/index.js'
import * as T from '../../../src/tensor/tensor.js'
import { wasmLimits } from '../../../src/tensor/run/wasm/limits.js'
import { everywhere, panelledEverywhere } from './everywhere.js'
import { expectAgreement, programOf, right } from './agreement.js'
import { graphs } from './graphs.js'
import { batchedProducts } from './products.js'

type Function = (...xs: ReadonlyArray<Tensor>) => unknown

type Panelling = { readonly panels: PanelLimits | undefined; readonly cutsRows: (contraction: Contraction) => boolean }

const anywhere: Panelling = { panels: everywhere.panels, cutsRows: () => true }

const tagsWith = (
  { panels, cutsRows }: Panelling,
  f: Function,
  ...shapes: ReadonlyArray<ReadonlyArray<number>>
): ReadonlyArray<string> =>
  panelled(
    fuse(schedule(right(trace(f)(...shapes.map((shape) => spec(shape, 'f32')))).program, wasmLimits), wasmLimits),
    { ...wasmLimits, panels },
    cutsRows
  ).kernels.map((kernel) => (kernel._tag === 'panels' ? `panels ${kernel.batches} ${kernel.isLocal}` : kernel._tag))

const tags = (f: Function, ...shapes: ReadonlyArray<ReadonlyArray<number>>) => tagsWith(anywhere, f, ...shapes)

describe('panels', () => {
  it('do not change what a program computes', () => {
    fc.assert(
      fc.property(graphs(), (graph) =>
        expectAgreement(graph, panelledEverywhere(fuse(schedule(programOf(graph), wasmLimits), wasmLimits)))
      ),
      { numRuns: 1000 }
    )
  })

  it('do not change what batched products followed by anything compute', () => {
    fc.assert(
      fc.property(batchedProducts(), (graph) =>
        expectAgreement(graph, panelledEverywhere(fuse(schedule(programOf(graph), wasmLimits), wasmLimits)))
      ),
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

  it('may sum over the batch', () => {
    expect(tags((x, y) => pipe(x, matmul(y), sum({ axes: 0 })), [4, 8, 8], [4, 8, 8])).toContain('panels 1 true')
  })

  const dense = (x: Tensor, weight: Tensor, bias: Tensor): Tensor => pipe(x, matmul(weight), add(bias), exp)

  it('are rows of a product without a batch, where its multiplier allows', () => {
    expect(tags(dense, [96, 8], [8, 24], [24])).toEqual(['panels 1 true'])
    expect(tagsWith({ ...anywhere, cutsRows: () => false }, dense, [96, 8], [8, 24], [24])).toEqual([
      'contraction',
      'loop'
    ])
  })

  it('are not thin', () => {
    const thick: Panelling = { ...anywhere, panels: { leastResult: 1, largestPanel: 65_536, fewestRows: 32 } }
    expect(tagsWith(thick, dense, [64, 8], [8, 24], [24])).toEqual(['panels 1 true'])
    expect(tagsWith(thick, dense, [62, 8], [8, 24], [24])).toEqual(['contraction', 'loop'])
    expect(tagsWith(thick, dense, [96, 8], [8, 4000], [4000])).toEqual(['contraction', 'loop'])
  })

  it('are nowhere on a device that has none', () => {
    expect(tagsWith({ ...anywhere, panels: undefined }, dense, [96, 8], [8, 24], [24])).toEqual(['contraction', 'loop'])
  })
})
