import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { add, mul } from '../../../../src/tensor/ops/arithmetic.js'
import { matmul } from '../../../../src/tensor/ops/contract.js'
import { pipe } from 'fp-ts/lib/function.js'
import { fuse } from '../../../../src/tensor/program/fuse.js'
import { bindingKeys } from '../../../../src/tensor/emit/wgsl/kernels.js'
import { withEpilogues } from '../../../../src/tensor/program/gpu/epilogues.js'
import { usesOf, type GpuKernel } from '../../../../src/tensor/program/gpu/gpu-kernel.js'
import { lowerToGpu } from '../../../../src/tensor/program/gpu/lower.js'
import { lower } from '../../../../src/tensor/program/lower.js'
import type { Program } from '../../../../src/tensor/program/program.js'
import { schedule } from '../../../../src/tensor/program/schedule.js'
import { sizeOf } from '../../../../src/tensor/shape.js'
import { inputNode, type Tensor } from '../../../../src/tensor/tensor.js'
import { programOf } from '../agreement.js'
import { graphs } from '../graphs.js'
import { limitsWith } from './limits.js'
import { productGraphs } from './product-graphs.js'

const lowered = (program: Program, kernelBuffers: number) => {
  const limits = limitsWith(kernelBuffers, {})
  const { inputs, outputs, kernels } = lowerToGpu(fuse(schedule(program, limits.loops), limits.loops), limits)
  return { fixed: inputs + outputs, kernels: kernels.map(({ kernel }) => kernel) }
}

const bindingAtMost =
  (buffers: number) =>
  (kernel: GpuKernel): boolean =>
    bindingKeys(kernel, limitsWith(buffers, {})).size <= buffers

const joinedIn = (program: Program, kernelBuffers: number, takes = true) => {
  const { fixed, kernels } = lowered(program, kernelBuffers)
  const joined = withEpilogues(
    kernels,
    bindingAtMost(kernelBuffers),
    (buffer) => buffer < fixed,
    () => takes
  )
  return { kernels, joined, fixed }
}

const cases = fc.tuple(
  fc.oneof(
    graphs(40).map(programOf),
    productGraphs.map(({ program }) => program)
  ),
  fc.constantFrom(4, 5, 6, 8, 12)
)

const epilogueOf = (kernel: GpuKernel) => (kernel._tag === 'contraction' ? kernel.epilogue : undefined)

describe('epilogues of products', () => {
  it('leave every kernel, once, in an order in which each runs after what it needs', () => {
    fc.assert(
      fc.property(cases, ([program, buffers]) => {
        const { kernels, joined } = joinedIn(program, buffers)
        const turn = new Map(joined.flatMap(({ of }, i) => of.map((k) => [k, i] as const)))
        expect([...turn.keys()].sort((a, b) => a - b)).toEqual(kernels.map((_, k) => k))
        const uses = kernels.map(usesOf)
        uses.forEach((late, k) =>
          uses.slice(0, k).forEach((early, e) => {
            const touches = [...early.writes].some((b) => late.writes.has(b) || late.reads.has(b))
            const overwrites = [...early.reads].some((b) => late.writes.has(b))
            const isOwn = joined.some(({ of }) => of.includes(e) && of.includes(k))
            if ((touches || overwrites) && !isOwn) expect(turn.get(e)).toBeLessThan(turn.get(k) ?? -1)
          })
        )
      }),
      { endOnFailure: true }
    )
  })

  it('bind no more than may be bound, and store what others read of the result', () => {
    fc.assert(
      fc.property(cases, ([program, buffers]) => {
        const { kernels, joined, fixed } = joinedIn(program, buffers)
        joined.forEach(({ kernel, of: [, map] }) => {
          const epilogue = epilogueOf(kernel)
          if (kernel._tag !== 'contraction' || epilogue === undefined) return
          const { batch, m, n } = kernel.contraction
          expect(sizeOf(epilogue.loop.extents)).toBe(sizeOf(batch) * m * n)
          const { reads, writes } = usesOf(kernel)
          expect(new Set([...reads, ...writes]).size).toBeLessThanOrEqual(buffers)
          const others = kernels.some((other, k) => k !== map && usesOf(other).reads.has(kernel.out))
          expect(epilogue.keepsResult).toBe(others || kernel.out < fixed)
          expect(writes.has(kernel.out)).toBe(epilogue.keepsResult)
          expect(reads.has(kernel.out)).toBe(false)
        })
      }),
      { endOnFailure: true }
    )
  })

  const [x, w, b] = [inputNode('x', [6, 5], 'f32'), inputNode('w', [5, 4], 'f32'), inputNode('b', [4], 'f32')]
  const product = pipe(x, matmul(w))
  const programFor = (...outputs: ReadonlyArray<Tensor>): Program =>
    lower(
      outputs.map((tensor, i) => ({ name: String(i), tensor })),
      [x, w, b]
    ).program
  const kinds = (program: Program, takes = true): ReadonlyArray<string> =>
    joinedIn(program, 8, takes).joined.map(({ kernel }) => `${kernel._tag}${epilogueOf(kernel) ? ' and map' : ''}`)

  it('are what is done to each element next: a bias', () => {
    expect(kinds(programFor(pipe(product, add(b))))).toEqual(['contraction and map'])
  })

  it('are none where who multiplies takes none', () => {
    expect(kinds(programFor(pipe(product, add(b))), false)).toEqual(['contraction', 'map'])
  })

  it('keep a result that is an output, or is read again', () => {
    const kept = joinedIn(programFor(product, pipe(product, mul(2))), 8).joined.map(({ kernel }) => epilogueOf(kernel))
    expect(kept.map((epilogue) => epilogue?.keepsResult)).toEqual([true])
  })

  const matrix = { offset: 0, batch: [], row: 4, column: 1 }
  const made: GpuKernel = {
    _tag: 'contraction',
    left: 0,
    right: 1,
    out: 2,
    contraction: { batch: [], m: 4, n: 4, k: 4, left: matrix, right: matrix }
  }
  /** Adds up some arrays of 16 elements. */
  const sumOf = (buffers: ReadonlyArray<number>, out: number): GpuKernel => {
    const at = { offset: 0, strides: [1] }
    const loads = buffers.map((buffer) => ({ _tag: 'load', dtype: 'f32', buffer, at }) as const)
    const sums = buffers.slice(1).map((_, i) => {
      const x = i === 0 ? 0 : buffers.length + i - 1
      return { _tag: 'binary', dtype: 'f32', fn: 'add', x, y: i + 1 } as const
    })
    const body = [...loads, ...sums]
    const stores = [{ buffer: out, at, value: body.length - 1, combine: undefined, scatter: undefined }]
    return { _tag: 'map', loop: { _tag: 'loop', extents: [16], body, stores } }
  }
  const joinedOf = (kernels: ReadonlyArray<GpuKernel>, buffers: number): ReadonlyArray<ReadonlyArray<number>> =>
    withEpilogues(
      kernels,
      bindingAtMost(buffers),
      () => false,
      () => true
    ).map(({ of }) => of)

  it('are left where both bind too much', () => {
    const kernels = [made, sumOf([2, 3, 4], 5)]
    expect(joinedOf(kernels, 4)).toEqual([[0], [1]])
    expect(joinedOf(kernels, 5)).toEqual([[0, 1]])
  })

  it('are left where what is multiplied would be overwritten by then', () => {
    expect(joinedOf([made, sumOf([3, 4], 0), sumOf([2, 3], 5)], 8)).toEqual([[0], [1], [2]])
    expect(joinedOf([made, sumOf([3, 4], 6), sumOf([2, 3], 5)], 8)).toEqual([[1], [0, 2]])
  })
})
