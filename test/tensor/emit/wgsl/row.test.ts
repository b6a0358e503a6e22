import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Reduction } from '../../../../src/tensor/elementwise.js'
import { rowPart } from '../../../../src/tensor/emit/wgsl/row.js'
import type { FusedLoop } from '../../../../src/tensor/program/fused.js'
import { dense } from '../../../../src/tensor/program/views.js'
import { range } from '../../../../src/tensor/range.js'
import { sizeOf } from '../../../../src/tensor/shape.js'
import { cuts, limitsWith, type Cuts } from '../../program/gpu/limits.js'
import { isForGpu, loweredLoop } from '../../program/gpu/lowered.js'
import { loops } from '../../program/loops.js'
import { rowLoop } from '../../program/row-loops.js'
import { itOnWebGpu } from '../../run/multipliers/webgpu.js'
import { dispatcherForFile, expectSame, isTakenLiterally, meant, onGpu, type KernelCase } from './on-gpu.js'

const rows = loops().filter(
  ({ loop }) =>
    isForGpu(loop) &&
    isTakenLiterally(loop) &&
    loop.stores.every(({ scatter }) => scatter === undefined) &&
    (loop.body.some(({ _tag }) => _tag === 'fold') || loop.stores.some(({ combine }) => combine !== undefined))
)

/** Small integers, whose sums are exact in any order. */
const integers = (size: number): Float32Array =>
  Float32Array.from({ length: size }, (_, i) => ((i * 31 + (i >> 5)) % 17) - 8)

/** Numbers whose sums depend on their order. */
const reals = (size: number): Float32Array =>
  Float32Array.from({ length: size }, (_, i) => Math.fround(1 / ((i % 977) + 3)))

/** Of each row what a softmax does: the largest, all less that, and their sum; and the sum over all rows beside it. */
const normalising = (count: number, length: number): FusedLoop & { readonly buffers: KernelCase['buffers'] } => {
  const loop = rowLoop(count, length, ({ load, fold, binary, store, storeRow }) => {
    const x = load()
    const d = binary('sub', x, fold('max', x))
    store(d)
    storeRow(fold('sum', d))
  })
  const columns = {
    buffer: 3,
    at: { offset: 0, strides: [0, 1] },
    value: 2,
    combine: 'sum',
    scatter: undefined
  } as const
  return { ...loop, stores: [...loop.stores, columns], buffers: [...loop.buffers, { dtype: 'f32', size: length }] }
}

const lengths = [1, 2, 3, 5, 8, 31, 32, 33, 100, 255, 257, 1000, 4097, 40_000]

const ways: ReadonlyArray<readonly [string, Partial<Cuts>]> = [
  ['one invocation a row', { lanes: 1, workgroup: 16, held: 4 }],
  ['some invocations a row, walked in loops', { lanes: 4, workgroup: 16, held: 1 }],
  ['many invocations a row, written out', { lanes: 128, workgroup: 128, held: 8 }]
]

describe('rows as WGSL', () => {
  const dispatcher = dispatcherForFile()
  const run = async (
    loop: FusedLoop,
    buffers: KernelCase['buffers'],
    inputs: KernelCase['inputs'],
    cut: Partial<Cuts>
  ) => {
    const limits = limitsWith(12, cut)
    const of: KernelCase = { ...loweredLoop(loop, buffers, limits), inputs }
    return { of, found: await onGpu(await dispatcher(), of, limits) }
  }

  itOnWebGpu('compute what they say, however they are cut', () =>
    fc.assert(
      fc.asyncProperty(rows, cuts, async ({ loop, buffers, inputs }, cut) => {
        const { of, found } = await run(loop, buffers, inputs, cut)
        expectSame(found, meant(of))
      }),
      { numRuns: 80, endOnFailure: true }
    )
  )

  for (const [name, cut] of ways)
    itOnWebGpu(`of 1 to 40,000 elements are folded and combined: ${name}`, async () => {
      for (const length of lengths) {
        const { buffers, ...loop } = normalising(5, length)
        const { of, found } = await run(loop, buffers, [integers(5 * length)], { ...cut, chunks: 2, chunkRows: 2 })
        expectSame(found, meant(of))
      }
    })

  itOnWebGpu('are folded in any of their steps, also in those whose numbers are in names of types', async () => {
    const { buffers, ...loop } = rowLoop(3, 40, ({ load, binary, fold, storeRow }) => {
      let last = load()
      while (last < 40) last = fold('max', binary('max', last, last))
      storeRow(last)
    })
    const { of, found } = await run(loop, buffers, [integers(120)], { lanes: 1, held: 1 })
    expectSame(found, meant(of))
  })

  /** So many folds of each of some rows at a time. */
  const folding = (count: number) =>
    rowLoop(2, 9, ({ load, constant, binary, fold, storeRow }) => {
      const x = load()
      const folds = range(count).map((i) => fold(i % 2 === 0 ? 'max' : 'sum', binary('sub', x, constant(i))))
      storeRow(folds.reduce((sum, each) => binary('add', sum, each)))
    })

  itOnWebGpu('are folded more often at a time than workgroup memory has arrays for', async () => {
    const { buffers, ...loop } = folding(20)
    const { of, found } = await run(loop, buffers, [integers(18)], { lanes: 4, workgroup: 16, held: 8 })
    expectSame(found, meant(of))
  })

  it('take no more workgroup memory than any adapter has, however many folds there are', () => {
    const { buffers, ...loop } = folding(70)
    const limits = limitsWith(12, { lanes: 4, workgroup: 128 })
    const { kernels } = loweredLoop(loop, buffers, limits)
    const memory = kernels.flatMap((kernel) => (kernel._tag === 'row' ? (rowPart(kernel).memory ?? []) : []))
    expect(memory.length).toBeGreaterThan(0)
    expect(memory.reduce((bytes, { count }) => bytes + 4 * count, 0)).toBeLessThanOrEqual(16_384)
  })

  it('are written out and walked, in these cases', () => {
    const kinds = ways.map(([, cut]) =>
      lengths.map((length) => {
        const { buffers, ...loop } = normalising(5, length)
        return loweredLoop(loop, buffers, limitsWith(12, cut)).kernels.some((k) => k._tag === 'row' && k.isUnrolled)
      })
    )
    kinds.forEach((unrolled) => expect(new Set(unrolled).size).toBe(2))
  })

  itOnWebGpu('are more than one row of workgroups', async () => {
    // 65,535 workgroups are in a row, and here each has one row.
    const count = 65_535 + 7
    const { buffers, ...loop } = rowLoop(count, 2, ({ load, fold, storeRow }) => storeRow(fold('sum', load())))
    const inputs = [integers(2 * count)]
    const { of, found } = await run(loop, buffers, inputs, { workgroup: 1, lanes: 1, held: 2 })
    expectSame(found, meant(of))
  })

  const extents = [3, 5, 2, 7]
  const subsets = [1, 2, 3, 4, 5, 6, 7].map((bits) => [0, 1, 2].filter((axis) => (bits >> axis) % 2 === 1))

  itOnWebGpu('are combined over any axes, in chunks that do not divide them', async () => {
    for (const fn of ['sum', 'max', 'min'] satisfies ReadonlyArray<Reduction>)
      for (const axes of subsets) {
        const kept = extents.map((extent, axis) => (axes.includes(axis) ? 1 : extent))
        const at = dense(kept)
        const loop: FusedLoop = {
          _tag: 'loop',
          extents,
          body: [{ _tag: 'load', dtype: 'f32', buffer: 0, at: dense(extents) }],
          stores: [
            {
              buffer: 1,
              at: { offset: 0, strides: at.strides.map((stride, axis) => (axes.includes(axis) ? 0 : stride)) },
              value: 0,
              combine: fn,
              scatter: undefined
            }
          ]
        }
        const buffers = [
          { dtype: 'f32', size: sizeOf(extents) },
          { dtype: 'f32', size: sizeOf(kept) }
        ] as const
        for (const cut of [
          { lanes: 1, held: 8, chunks: 16, chunkRows: 2 },
          { lanes: 4, held: 1, chunks: 64, chunkRows: 4 }
        ]) {
          const { of, found } = await run(loop, buffers, [integers(sizeOf(extents))], { ...cut, workgroup: 16 })
          expectSame(found, meant(of))
        }
      }
  })

  itOnWebGpu('give the same bits twice where their sums depend on the order', async () => {
    for (const [, cut] of ways) {
      const { buffers, ...loop } = normalising(40, 1000)
      const inputs = [reals(40 * 1000)]
      const [first, second] = [
        await run(loop, buffers, inputs, { ...cut, chunks: 8, chunkRows: 3 }),
        await run(loop, buffers, inputs, { ...cut, chunks: 8, chunkRows: 3 })
      ]
      expect(second.found).toEqual(first.found)
    }
  })
})
