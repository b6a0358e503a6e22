import fc from 'fast-check'
import { describe, expect } from 'vitest'
import type { FusedLoop } from '../../../../src/tensor/program/fused.js'
import { limitsWith } from '../../program/gpu/limits.js'
import { isForGpu, loweredLoop } from '../../program/gpu/lowered.js'
import { loops } from '../../program/loops.js'
import { itOnWebGpu } from '../../run/multipliers/webgpu.js'
import { dispatcherForFile, expectSame, isTakenLiterally, meant, onGpu, type KernelCase } from './on-gpu.js'

/** Points with an index each, added into a table of `extent` rows, each of `inner`, before and behind which there are `outer` axes. */
type Scattering = {
  readonly points: number
  readonly extent: number
  readonly inner: number
  readonly outer: number
  readonly block: number
  readonly indexOf: (point: number) => number
}

const scattering = ({ points, extent, inner, outer, block, indexOf }: Scattering): KernelCase => {
  const loop: FusedLoop = {
    _tag: 'loop',
    extents: [outer, points, inner],
    body: [
      { _tag: 'load', dtype: 'f32', buffer: 0, at: { offset: 0, strides: [points * inner, inner, 1] } },
      { _tag: 'load', dtype: 'i32', buffer: 1, at: { offset: 0, strides: [0, 1, 0] } }
    ],
    stores: [
      {
        buffer: 2,
        at: { offset: 0, strides: [extent * inner, 0, 1] },
        value: 0,
        combine: 'sum',
        scatter: { index: 1, extent, stride: inner }
      }
    ]
  }
  const buffers = [
    { dtype: 'f32', size: outer * points * inner },
    { dtype: 'i32', size: points },
    { dtype: 'f32', size: outer * extent * inner }
  ] as const
  // Sums of these depend on the order, which is that of the kernels as they are meant.
  const values = Float32Array.from({ length: outer * points * inner }, (_, i) => Math.fround(1 / ((i % 977) + 3)))
  const inputs = [values, Int32Array.from({ length: points }, (_, point) => indexOf(point))]
  return { ...loweredLoop(loop, buffers, limitsWith(8, { scatterBlock: block, workgroup: 64 })), inputs }
}

const indices: ReadonlyArray<readonly [string, (extent: number) => (point: number) => number]> = [
  ['one row for all points', (extent) => () => extent >> 1],
  ['no row of the table', (extent) => (point) => (point % 2 === 0 ? -1 - point : extent + point)],
  ['any row, and some that are none', (extent) => (point) => ((point * 7919) % (extent + 4)) - 2],
  ['the rows at its ends', (extent) => (point) => (point % 3 === 0 ? 0 : extent - 1)],
  ['rows that recur in other blocks only', (extent) => (point) => point % extent]
]

describe('a scatter-add as WGSL', () => {
  const dispatcher = dispatcherForFile()
  const run = async (of: KernelCase) => onGpu(await dispatcher(), of, limitsWith(12, { workgroup: 64 }))

  for (const [name, indexOf] of indices)
    itOnWebGpu(`adds in one order, to ${name}`, async () => {
      for (const [points, extent, inner, outer, block] of [
        [1, 1, 1, 1, 256],
        [7, 3, 5, 1, 2],
        [300, 5, 3, 2, 7],
        [300, 7, 1, 1, 256],
        [3000, 40, 2, 1, 256]
      ]) {
        const of = scattering({ points, extent, inner, outer, block, indexOf: indexOf(extent) })
        expectSame((await run(of)).slice(0, 3), meant(of).slice(0, 3))
      }
    })

  itOnWebGpu('adds nothing to a table without rows', async () => {
    const of = scattering({ points: 9, extent: 0, inner: 2, outer: 2, block: 4, indexOf: (point) => point - 3 })
    expect((await run(of))[2]).toHaveLength(0)
  })

  itOnWebGpu('gives the same bits twice', async () => {
    const of = scattering({ points: 3000, extent: 3, inner: 5, outer: 2, block: 64, indexOf: (point) => point % 3 })
    expect((await run(of))[2]).toEqual((await run(of))[2])
  })

  itOnWebGpu('is that of any loop that scatters', async () => {
    const scatters = loops().filter(
      ({ loop }) => isForGpu(loop) && isTakenLiterally(loop) && loop.stores.some(({ scatter }) => scatter !== undefined)
    )
    await fc.assert(
      fc.asyncProperty(scatters, fc.constantFrom(1, 3, 16), async ({ loop, buffers, inputs }, scatterBlock) => {
        const limits = limitsWith(12, { scatterBlock, workgroup: 16, lanes: 2 })
        const of: KernelCase = { ...loweredLoop(loop, buffers, limits), inputs }
        const count = buffers.length
        expectSame((await onGpu(await dispatcher(), of, limits)).slice(0, count), meant(of).slice(0, count))
      }),
      { numRuns: 30, endOnFailure: true }
    )
  })
})
