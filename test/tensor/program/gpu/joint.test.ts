import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fuse } from '../../../../src/tensor/program/fuse.js'
import { usesOf, type GpuKernel } from '../../../../src/tensor/program/gpu/gpu-kernel.js'
import { joint } from '../../../../src/tensor/program/gpu/joint.js'
import { lowerToGpu } from '../../../../src/tensor/program/gpu/lower.js'
import { schedule } from '../../../../src/tensor/program/schedule.js'
import { programOf } from '../agreement.js'
import { graphs } from '../graphs.js'
import { limitsWith } from './limits.js'

const limits = limitsWith(8, { chunks: 4, chunkRows: 1, scatterBlock: 2, longRow: 4, lanes: 2 })

const kernelsOf: fc.Arbitrary<ReadonlyArray<GpuKernel>> = graphs(40).map((graph) =>
  lowerToGpu(fuse(schedule(programOf(graph), limits.loops), limits.loops), limits).kernels.map(({ kernel }) => kernel)
)

/** Kernels of which only their buffers count: each writes one that no other writes, or one that another writes as well. */
const chains: fc.Arbitrary<ReadonlyArray<GpuKernel>> = fc
  .array(fc.record({ out: fc.nat(12), left: fc.nat(12), right: fc.nat(12), isProduct: fc.boolean() }), {
    minLength: 1,
    maxLength: 60
  })
  .map((list) =>
    list.map(({ out, left, right, isProduct }): GpuKernel => {
      const view = (buffer: number) => ({ buffer, at: { offset: 0, strides: [1] } })
      const matrix = { offset: 0, batch: [], row: 1, column: 1 }
      return isProduct
        ? {
            _tag: 'contraction',
            left,
            right,
            out: out + 13,
            contraction: { batch: [], m: 1, n: 1, k: 1, left: matrix, right: matrix }
          }
        : { _tag: 'random', key: view(left), counter: view(right), out: out + 13 - (out % 3 === 0 ? 13 : 0), size: 1 }
    })
  )

const cases = fc.tuple(fc.oneof(kernelsOf, chains), fc.integer({ min: 1, max: 6 }), fc.constantFrom(4, 8, 16))

const jointOf = (kernels: ReadonlyArray<GpuKernel>, joined: number, kernelBuffers: number) =>
  joint(kernels, { joined, loops: { ...limits.loops, kernelBuffers } })

describe('kernels that run at once', () => {
  it('are all kernels, each once', () => {
    fc.assert(
      fc.property(cases, ([kernels, joined, buffers]) => {
        const order = jointOf(kernels, joined, buffers).flat()
        expect([...order].sort((a, b) => a - b)).toEqual(kernels.map((_, k) => k))
      }),
      { endOnFailure: true }
    )
  })

  it('depend on nothing in their group, and on nothing that comes later', () => {
    fc.assert(
      fc.property(cases, ([kernels, joined, buffers]) => {
        const groups = jointOf(kernels, joined, buffers)
        const turn = new Map(groups.flatMap((group, g) => group.map((k) => [k, g] as const)))
        const uses = kernels.map(usesOf)
        uses.forEach((late, k) =>
          uses.slice(0, k).forEach((early, e) => {
            const touches = [...early.writes].some((b) => late.writes.has(b) || late.reads.has(b))
            const overwrites = [...early.reads].some((b) => late.writes.has(b))
            if (touches || overwrites) expect(turn.get(e)).toBeLessThan(turn.get(k) ?? -1)
          })
        )
      }),
      { endOnFailure: true }
    )
  })

  it('are no more than may be, bind no more than may be bound, and have no product among them', () => {
    fc.assert(
      fc.property(cases, ([kernels, joined, buffers]) => {
        for (const group of jointOf(kernels, joined, buffers)) {
          expect(group.length).toBeLessThanOrEqual(joined)
          if (group.length === 1) continue
          const all = group.map((k) => usesOf(kernels[k]))
          expect(new Set(all.flatMap(({ reads, writes }) => [...reads, ...writes])).size).toBeLessThanOrEqual(buffers)
          expect(group.map((k) => kernels[k]._tag)).not.toContain('contraction')
        }
      }),
      { endOnFailure: true }
    )
  })

  it('stay as they are where each is to be alone', () => {
    fc.assert(
      fc.property(chains, (kernels) => {
        expect(jointOf(kernels, 1, 16)).toEqual(kernels.map((_, k) => [k]))
      })
    )
  })

  it('are fewer launches: sums that are finished separately are finished together', () => {
    const finish = (n: number): GpuKernel => ({
      _tag: 'finish',
      fn: 'sum',
      dtype: 'f32',
      partials: 2 * n,
      chunks: 4,
      size: 1,
      extents: [],
      from: { offset: 0, strides: [] },
      out: 2 * n + 1,
      at: { offset: 0, strides: [] },
      lanes: 1
    })
    const product = (n: number): GpuKernel => ({
      _tag: 'contraction',
      left: 100 + n,
      right: 101 + n,
      out: 200 + n,
      contraction: {
        batch: [],
        m: 1,
        n: 1,
        k: 1,
        left: { offset: 0, batch: [], row: 1, column: 1 },
        right: { offset: 0, batch: [], row: 1, column: 1 }
      }
    })
    const kernels = [0, 1, 2, 3].flatMap((n) => [finish(n), product(n)])
    expect(
      jointOf(kernels, 8, 8)
        .map(({ length }) => length)
        .sort()
    ).toEqual([1, 1, 1, 1, 4])
  })
})
