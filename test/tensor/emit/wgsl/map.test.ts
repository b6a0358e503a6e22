import fc from 'fast-check'
import { describe } from 'vitest'
import { dense } from '../../../../src/tensor/program/views.js'
import { limitsWith } from '../../program/gpu/limits.js'
import { loweredLoop } from '../../program/gpu/lowered.js'
import { loops } from '../../program/loops.js'
import { itOnWebGpu } from '../../run/multipliers/webgpu.js'
import { dispatcherForFile, expectSame, isTakenLiterally, meant, onGpu, type KernelCase } from './on-gpu.js'

const maps = loops().filter(
  ({ loop, loop: { body, stores } }) =>
    isTakenLiterally(loop) &&
    body.every(({ _tag }) => _tag !== 'fold') &&
    stores.every(({ combine, scatter }) => combine === undefined && scatter === undefined)
)

describe('a map as WGSL', () => {
  const dispatcher = dispatcherForFile()

  itOnWebGpu('computes what it says, point for point', async () => {
    const on = await dispatcher()
    await fc.assert(
      fc.asyncProperty(maps, fc.constantFrom(1, 16, 64), async ({ loop, buffers, inputs }, workgroup) => {
        const limits = limitsWith(12, { workgroup })
        const of: KernelCase = { ...loweredLoop(loop, buffers, limits), inputs }
        expectSame(await onGpu(on, of, limits), meant(of))
      }),
      { numRuns: 60, endOnFailure: true }
    )
  })

  itOnWebGpu('goes on in another row of workgroups where one is full', async () => {
    // 65,535 of them are in a row.
    const size = 2 * 65_535 + 3
    const of: KernelCase = {
      buffers: [{ dtype: 'i32', size }],
      inputs: [],
      kernels: [
        {
          _tag: 'map',
          loop: {
            _tag: 'loop',
            extents: [size],
            body: [{ _tag: 'index', dtype: 'i32', at: dense([size]) }],
            stores: [{ buffer: 0, at: dense([size]), value: 0, combine: undefined, scatter: undefined }]
          }
        }
      ]
    }
    expectSame(await onGpu(await dispatcher(), of, limitsWith(12, { workgroup: 1 })), [
      Int32Array.from({ length: size }, (_, i) => i)
    ])
  })
})
