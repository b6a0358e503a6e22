import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { allocate, type Data } from '../../../../src/tensor/dtype.js'
import { fuse } from '../../../../src/tensor/program/fuse.js'
import type { FusedLoop, FusedStep, Store } from '../../../../src/tensor/program/fused.js'
import type { GpuKernel } from '../../../../src/tensor/program/gpu/gpu-kernel.js'
import { lowerToGpu } from '../../../../src/tensor/program/gpu/lower.js'
import type { BufferSpec } from '../../../../src/tensor/program/kernel.js'
import { schedule } from '../../../../src/tensor/program/schedule.js'
import { expectOutputs, programOf } from '../agreement.js'
import { graphs } from '../graphs.js'
import { runKernel } from '../interpret.js'
import { loops, type LoopCase } from '../loops.js'
import { wideGraphs } from '../wide.js'
import { boundByGpu, runGpuKernel } from './interpret.js'
import { cuts, limitsWith, type Cuts } from './limits.js'
import { boundBy, isForGpu, loweredLoop } from './lowered.js'

/** Nothing that a loop computes: where it is read, a result shows it. */
const spoiled = (specs: ReadonlyArray<BufferSpec>): ReadonlyArray<Data> =>
  specs.map(({ dtype, size }) => allocate(dtype, size).fill(dtype === 'f32' ? 12345.5 : dtype === 'bool' ? 1 : 113))

const cast = (x: number) => ({ _tag: 'cast', dtype: 'f32', from: 'i32', x }) as const

/** All buffers of a loop as they are before it. */
const before = ({ buffers, inputs }: LoopCase): ReadonlyArray<Data> => [
  ...inputs.map((data) => data.slice()),
  ...spoiled(buffers.slice(inputs.length))
]

const loweredWith = (of: LoopCase, cut: Cuts) =>
  loweredLoop(of.loop, of.buffers, limitsWith(Math.max(4, boundBy(of.loop)), cut))

type FewRows = { readonly rows: number; readonly length: number; readonly ends: ReadonlyArray<ReadonlyArray<number>> }

/** Few rows, and what is folded along them, or not, stored in every way there is. Small integers: any order of sums is exact. */
const fewRows = ({ rows, length, ends }: FewRows): LoopCase => {
  const fns = ['sum', 'max', 'min'] as const
  const matrix = { offset: 0, strides: [length, 1] }
  const perRow = { offset: 0, strides: [1, 0] }
  const body: ReadonlyArray<FusedStep> = [
    { _tag: 'load', dtype: 'f32', buffer: 0, at: matrix },
    { _tag: 'load', dtype: 'f32', buffer: 1, at: perRow },
    ...fns.map((fn) => ({ _tag: 'fold', dtype: 'f32', fn, x: 0 }) as const)
  ]
  const places = [
    perRow,
    { offset: 0, strides: [0, 0] },
    matrix,
    { offset: 1, strides: [0, 1] },
    { offset: 2, strides: [2, 0] }
  ]
  const stores = ends.map(([value, where, fn], i): Store => {
    // An element of a row has a place for each element; what is combined has one for some rows.
    const at = value % body.length === 0 ? places[where % 2 === 0 ? 2 : 3] : places[where % places.length]
    const combine = rows > 1 && at.strides[0] === 0 ? fns[fn % 3] : undefined
    return { buffer: 2 + i, at, value: value % body.length, combine, scatter: undefined }
  })
  const filled = (size: number): Float32Array => Float32Array.from({ length: size }, (_, i) => ((i * i) % 11) - 4)
  return {
    loop: { _tag: 'loop', extents: [rows, length], body, stores },
    buffers: [
      { dtype: 'f32', size: rows * length },
      { dtype: 'f32', size: rows },
      ...stores.map(() => ({ dtype: 'f32', size: 3 + 2 * rows + rows * length }) as const)
    ],
    inputs: [filled(rows * length), filled(rows)],
    cut: 0
  }
}

const shortened = fc
  .record({
    rows: fc.integer({ min: 1, max: 4 }),
    length: fc.constantFrom(2, 4, 5, 6, 8, 12, 16, 24, 33),
    ends: fc.array(fc.array(fc.nat({ max: 30 }), { minLength: 3, maxLength: 3 }), { minLength: 1, maxLength: 2 })
  })
  .map(fewRows)

const forGpu = fc.oneof(
  { weight: 2, arbitrary: loops().filter(({ loop }) => isForGpu(loop)) },
  { weight: 1, arbitrary: shortened }
)

describe('a loop as kernels of a GPU', () => {
  it('writes what the loop writes, element for element, however it is cut', () => {
    fc.assert(
      fc.property(forGpu, cuts, (of, cut) => {
        const { buffers, kernels } = loweredWith(of, cut)
        const [wanted, found] = [before(of), [...before(of), ...spoiled(buffers.slice(of.buffers.length))]]
        runKernel(of.loop, wanted)
        kernels.forEach((kernel) => runGpuKernel(kernel, found))
        wanted.forEach((data, buffer) => {
          // Of two zeros either may be the best.
          const wrong = data.findIndex(
            (x, i) => x !== found[buffer][i] && !(Number.isNaN(x) && Number.isNaN(found[buffer][i]))
          )
          if (wrong >= 0) expect(`${buffer}[${wrong}] = ${found[buffer][wrong]}`).toBe(String(data[wrong]))
        })
      }),
      { numRuns: 1000 }
    )
  })

  it('binds no more buffers in a kernel than the loop does, or the four of a scatter-add', () => {
    fc.assert(
      fc.property(forGpu, cuts, (of, cut) => {
        const most = Math.max(4, boundBy(of.loop))
        loweredWith(of, cut).kernels.forEach((kernel) => expect(boundByGpu(kernel).size).toBeLessThanOrEqual(most))
      }),
      { numRuns: 1500 }
    )
  })

  it('has one buffer for the partial results of a dtype, however many stores combine across rows', () => {
    const [matrix, column] = [
      [4, 1],
      [0, 1]
    ].map((strides) => ({ offset: 0, strides }))
    const load = (dtype: 'f32' | 'i32', buffer: number) => ({ _tag: 'load', dtype, buffer, at: matrix }) as const
    const loop: FusedLoop = {
      _tag: 'loop',
      extents: [64, 4],
      body: [load('f32', 0), load('i32', 1)],
      stores: [0, 0, 1, 0].map((value, i) => ({
        buffer: 2 + i,
        at: i === 3 ? matrix : column,
        value,
        combine: i === 3 ? undefined : 'sum',
        scatter: undefined
      }))
    }
    const dtypes = ['f32', 'i32', 'f32', 'f32', 'i32', 'f32'] as const
    const buffers = dtypes.map((dtype, i) => ({ dtype, size: i > 1 && i < 5 ? 4 : 256 }))
    const { kernels } = loweredLoop(loop, buffers, limitsWith(5, { chunks: 8, chunkRows: 4 }))
    expect(kernels.map((kernel) => [kernel._tag, boundByGpu(kernel).size])).toEqual([
      ['row', 5],
      ['finish', 2],
      ['finish', 2],
      ['finish', 2]
    ])
  })

  it('computes what is scattered first where it reads so much that sums and links find no place beside it', () => {
    const load = (buffer: number, dtype: 'f32' | 'i32') =>
      ({ _tag: 'load', dtype, buffer, at: { offset: 0, strides: [1] } }) as const
    const add = (x: number, y: number) => ({ _tag: 'binary', dtype: 'f32', fn: 'add', x, y }) as const
    const loop: FusedLoop = {
      _tag: 'loop',
      extents: [4],
      // The index is one of the values, too.
      body: [load(0, 'f32'), load(1, 'f32'), load(2, 'i32'), cast(2), add(0, 1), add(4, 3)],
      stores: [
        {
          buffer: 3,
          at: { offset: 0, strides: [0] },
          value: 5,
          combine: 'sum',
          scatter: { index: 2, extent: 3, stride: 1 }
        }
      ]
    }
    const specs = ['f32', 'f32', 'i32', 'f32'] as const
    const buffers = specs.map((dtype) => ({ dtype, size: 4 }))
    const most = (kernelBuffers: number): number =>
      Math.max(
        ...loweredLoop(loop, buffers, limitsWith(kernelBuffers, {})).kernels.map((kernel) => boundByGpu(kernel).size)
      )
    expect([4, 5].map(most)).toEqual([4, 5])
  })

  it('has workgroups of whole rows, no larger than the limit, and lanes that are a power of two', () => {
    fc.assert(
      fc.property(forGpu, cuts, (of, cut) => {
        for (const kernel of loweredWith(of, cut).kernels) {
          if (kernel._tag !== 'row' && kernel._tag !== 'finish') continue
          expect(Math.log2(kernel.lanes) % 1).toBe(0)
          if (kernel._tag === 'row') expect(kernel.rows * kernel.lanes).toBeLessThanOrEqual(cut.workgroup)
        }
      }),
      { numRuns: 500 }
    )
  })

  it('is of every kind somewhere in these cases', () => {
    const tags = new Set<GpuKernel['_tag']>()
    const kinds = { chunked: 0, split: 0, unrolled: 0, looped: 0 }
    fc.assert(
      fc.property(forGpu, cuts, (of, cut) => {
        for (const kernel of loweredWith(of, cut).kernels) {
          tags.add(kernel._tag)
          if (kernel._tag !== 'row') continue
          if (kernel.chunks > 1) kinds.chunked++
          if (kernel.loop.extents.length > of.loop.extents.length) kinds.split++
          kinds[kernel.isUnrolled ? 'unrolled' : 'looped']++
        }
      }),
      { numRuns: 1500 }
    )
    expect([...tags].sort()).toEqual(['finish', 'gatheredSums', 'links', 'map', 'row', 'spread'])
    Object.values(kinds).forEach((count) => expect(count).toBeGreaterThan(20))
  })
})

describe.each([4, 8, 10, 16])('a program for a GPU that binds %i buffers', (kernelBuffers) => {
  const loweredFor = (graph: Parameters<typeof programOf>[0], cut: Partial<Cuts>) => {
    const limits = limitsWith(kernelBuffers, cut)
    return lowerToGpu(fuse(schedule(programOf(graph), limits.loops), limits.loops), limits)
  }

  it('computes what the graph says, and writes every element of every output', () => {
    fc.assert(
      fc.property(graphs(40), cuts, (graph, cut) => {
        const { inputs, outputs, buffers, kernels } = loweredFor(graph, cut)
        const arrays = [...graph.data, ...spoiled(buffers.slice(inputs))]
        kernels.forEach(({ kernel }) => runGpuKernel(kernel, arrays))
        expectOutputs(graph, arrays.slice(inputs, inputs + outputs))
      }),
      { numRuns: 150, endOnFailure: true }
    )
  })

  it('has no kernel that binds more', () => {
    fc.assert(
      fc.property(fc.oneof(graphs(40), wideGraphs()), (graph) => {
        loweredFor(graph, {}).kernels.forEach(({ kernel }) =>
          expect(boundByGpu(kernel).size).toBeLessThanOrEqual(kernelBuffers)
        )
      }),
      { numRuns: 200, endOnFailure: true }
    )
  })
})
