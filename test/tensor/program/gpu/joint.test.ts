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

const boundBy = (kernel: GpuKernel): ReadonlySet<string> => {
  const { reads, writes } = usesOf(kernel)
  return new Set([...reads, ...writes].map(String))
}

const jointOf = (
  kernels: ReadonlyArray<GpuKernel>,
  joined: number,
  kernelBuffers: number,
  isOurs = true,
  farthest?: number
) => joint(kernels, { joined, loops: { ...limits.loops, kernelBuffers } }, boundBy, () => isOurs, farthest)

/** Whether workgroups of a kernel are as large as products want them. */
const isAnySize = (kernel: GpuKernel): boolean =>
  kernel._tag === 'contraction' || (kernel._tag === 'finish' && kernel.lanes === 1)

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

  it('are no more than may be, bind no more than may be bound, and are of one size', () => {
    fc.assert(
      fc.property(cases, ([kernels, joined, buffers]) => {
        for (const group of jointOf(kernels, joined, buffers)) {
          expect(group.length).toBeLessThanOrEqual(joined)
          if (group.length === 1) continue
          const all = group.map((k) => kernels[k])
          expect(new Set(all.flatMap((kernel) => [...boundBy(kernel)])).size).toBeLessThanOrEqual(buffers)
          if (all.some(({ _tag }) => _tag === 'contraction')) expect(all.filter((one) => !isAnySize(one))).toEqual([])
        }
      }),
      { endOnFailure: true }
    )
  })

  it('have no product among them that somebody else carries out', () => {
    fc.assert(
      fc.property(cases, ([kernels, joined, buffers]) => {
        for (const group of jointOf(kernels, joined, buffers, false))
          if (group.length > 1) expect(group.map((k) => kernels[k]._tag)).not.toContain('contraction')
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

  const finish = (n: number, lanes: number): GpuKernel => ({
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
    lanes
  })
  const matrix = { offset: 0, batch: [], row: 1, column: 1 }
  const product = (left: number, right: number, out: number): GpuKernel => ({
    ...{ _tag: 'contraction', left, right, out },
    contraction: { batch: [], m: 1, n: 1, k: 1, left: matrix, right: matrix }
  })
  const sizes = (kernels: ReadonlyArray<GpuKernel>): ReadonlyArray<number> =>
    jointOf(kernels, 8, 8)
      .map(({ length }) => length)
      .sort()

  it('are fewer launches: sums that are finished separately are finished together, products of one matrix computed', () => {
    const kernels = [0, 1, 2, 3].flatMap((n) => [finish(n, 2), product(100, 101 + n, 200 + n)])
    // One matrix and two buffers for each product.
    expect(sizes(kernels)).toEqual([1, 3, 4])
  })

  it('are sums with a lane each among products', () => {
    expect(sizes([product(100, 101, 102), finish(0, 1)])).toEqual([2])
    expect(sizes([product(100, 101, 102), finish(0, 2)])).toEqual([1, 1])
    // They go with either, and do not bring both together.
    expect(sizes([finish(0, 1), product(100, 101, 102), finish(1, 2)])).toEqual([1, 2])
  })

  const row = (left: number, right: number, out: number): GpuKernel => {
    const view = (buffer: number) => ({ buffer, at: { offset: 0, strides: [1] } })
    return { _tag: 'random', key: view(left), counter: view(right), out, size: 1 }
  }

  it('begin with what most waits for: a chain is not put off for what nobody waits for', () => {
    const idle = [0, 1, 2].map((n) => row(10 * n, 10 * n + 1, 10 * n + 2))
    const chain = [0, 1, 2].map((n) => row(100 + n, 100 + n, 101 + n))
    // Of six buffers there is room for one of each, or for two that nobody waits for.
    const groups = jointOf([...idle, ...chain], 8, 6)
    // Of what is equal the last comes first.
    expect(groups.map((group) => [...group].sort((a, b) => a - b))).toEqual([
      [2, 3],
      [1, 4],
      [0, 5]
    ])
  })

  it.each([1, 7, 256, undefined])(
    'are not brought forward further than %s kernels, however much waits for them',
    (given) => {
      const farthest = given ?? 512
      const idle = Array.from({ length: farthest + 44 }, (_, n) => row(3 * n, 3 * n + 1, 3 * n + 2))
      const chain = Array.from({ length: farthest + 44 }, (_, n) => row(1000 + n, 1000 + n, 1001 + n))
      const order = jointOf([...idle, ...chain], 2, 4, true, given).flat()
      const turn = new Map(order.map((k, i) => [k, i]))
      const turnOf = (k: number): number => turn.get(k) ?? -1
      for (let early = 0; early + farthest < order.length; early++)
        expect(turnOf(early)).toBeLessThan(Math.min(...order.filter((k) => k >= early + farthest).map(turnOf)))
      // And some are, within that.
      if (farthest > 44) expect(turnOf(idle.length)).toBeLessThan(turnOf(idle.length - 1))
    }
  )
})
