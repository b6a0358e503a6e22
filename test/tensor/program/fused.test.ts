import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { allocate, type Data } from '../../../src/tensor/dtype.js'
import { fuse, unfused } from '../../../src/tensor/program/fuse.js'
import { readsOfFused, writesOfFused, type FusedProgram } from '../../../src/tensor/program/fused.js'
import { schedule } from '../../../src/tensor/program/schedule.js'
import { wasmLimits } from '../../../src/tensor/run/wasm/limits.js'
import { panelledEverywhere } from './everywhere.js'
import { expectOutputs, programOf } from './agreement.js'
import { graphs, type Graph } from './graphs.js'
import { runKernel } from './interpret.js'
import { batchedProducts } from './products.js'

/** Nothing that a graph computes: where it is read, a result shows it. */
const spoiled = (data: Data): Data => data.slice().fill(data instanceof Float32Array ? NaN : 113)

/** The outputs, where every kernel sees only the buffers that it says it reads, and the rest of those that it writes. */
const runBlindly = (
  { buffers, kernels, inputs, outputs }: FusedProgram,
  data: ReadonlyArray<Data>
): ReadonlyArray<Data> => {
  let arrays: ReadonlyArray<Data> = [
    ...data,
    ...buffers.slice(inputs).map(({ dtype, size }) => spoiled(allocate(dtype, size)))
  ]
  for (const kernel of kernels) {
    const [reads, writes] = [readsOfFused(kernel), writesOfFused(kernel)]
    const seen = arrays.map((x, b) => (writes.includes(b) ? x.slice() : reads.includes(b) ? x : spoiled(x)))
    const before = seen.map((x) => x.slice())
    runKernel(kernel, seen)
    before.forEach((x, b) => {
      if (!writes.includes(b)) expect(seen[b]).toEqual(x)
    })
    arrays = arrays.map((x, b) => (writes.includes(b) ? seen[b] : x))
  }
  return arrays.slice(inputs, inputs + outputs)
}

const law = (make: (graph: Graph) => FusedProgram, of: fc.Arbitrary<Graph>): void =>
  fc.assert(fc.property(of, (graph) => expectOutputs(graph, runBlindly(make(graph), graph.data))))

describe('the kernels of a program', () => {
  it('read and write what they say and nothing else, fused', () => {
    law((graph) => fuse(schedule(programOf(graph), wasmLimits), wasmLimits), graphs())
  })

  it('read and write what they say and nothing else, each by itself', () => {
    law((graph) => unfused(schedule(programOf(graph), wasmLimits), wasmLimits), graphs())
  })

  it('read and write what they say and nothing else, by panels', () => {
    law((graph) => panelledEverywhere(fuse(schedule(programOf(graph), wasmLimits), wasmLimits)), batchedProducts())
  })
})
