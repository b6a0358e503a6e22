import fc from 'fast-check'
import { describe } from 'vitest'
import { allocate } from '../../../../src/tensor/dtype.js'
import type { FinishKernel } from '../../../../src/tensor/program/gpu/gpu-kernel.js'
import { dense } from '../../../../src/tensor/program/views.js'
import { sizeOf } from '../../../../src/tensor/shape.js'
import { limitsWith } from '../../program/gpu/limits.js'
import { itOnWebGpu } from '../../run/multipliers/webgpu.js'
import { dispatcherForFile, expectSame, meant, onGpu, type KernelCase } from './on-gpu.js'

const finishes = fc.record({
  fn: fc.constantFrom('sum', 'max', 'min'),
  dtype: fc.constantFrom('f32', 'i32', 'u32'),
  chunks: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constant(1000)),
  extents: fc.array(fc.constantFrom(1, 2, 3, 5, 7, 16), { maxLength: 3 }),
  lanes: fc.constantFrom(1, 2, 8, 64),
  offset: fc.nat({ max: 3 }),
  isTransposed: fc.boolean()
})

describe('the end of chunks as WGSL', () => {
  const dispatcher = dispatcherForFile()

  itOnWebGpu('combines them all, for every place', async () => {
    const on = await dispatcher()
    await fc.assert(
      fc.asyncProperty(finishes, async ({ fn, dtype, chunks, extents, lanes, offset, isTransposed }) => {
        const size = sizeOf(extents)
        const from = dense(extents)
        const transposed = dense([...extents].reverse())
          .strides.slice()
          .reverse()
        const kernel: FinishKernel = {
          _tag: 'finish',
          fn,
          dtype,
          partials: 0,
          chunks,
          size,
          extents,
          from,
          out: 1,
          at: { offset, strides: isTransposed ? transposed : from.strides },
          lanes
        }
        const of: KernelCase = {
          buffers: [
            { dtype, size: chunks * size },
            { dtype, size: offset + size }
          ],
          // Sums of integers are exact in any order.
          inputs: [allocate(dtype, chunks * size).map((_, i) => ((i * 7919) % 41) - (dtype === 'u32' ? 0 : 20))],
          kernels: [kernel]
        }
        expectSame(await onGpu(on, of, limitsWith(12, { workgroup: 64 })), meant(of))
      }),
      { numRuns: 60, endOnFailure: true }
    )
  })
})
