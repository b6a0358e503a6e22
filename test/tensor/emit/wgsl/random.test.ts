import { describe } from 'vitest'
import { limitsWith } from '../../program/gpu/limits.js'
import { itOnWebGpu } from '../../run/multipliers/webgpu.js'
import { dispatcherForFile, expectSame, meant, onGpu, type KernelCase } from './on-gpu.js'

/** Keys and counters among other words. */
const random = (size: number, key: readonly [number, number], counter: readonly [number, number]): KernelCase => ({
  buffers: [
    { dtype: 'u32', size: 5 },
    { dtype: 'u32', size: 4 },
    { dtype: 'u32', size }
  ],
  inputs: [Uint32Array.of(9, key[0], 9, 9, key[1]), Uint32Array.of(...counter, 9, 9)],
  kernels: [
    {
      _tag: 'random',
      key: { buffer: 0, at: { offset: 1, strides: [3] } },
      counter: { buffer: 1, at: { offset: 0, strides: [1] } },
      out: 2,
      size
    }
  ]
})

describe('Threefry as WGSL', () => {
  const dispatcher = dispatcherForFile()

  itOnWebGpu('gives the words of the reference, of sizes odd and even, for any key', async () => {
    for (const size of [0, 1, 2, 3, 7, 64, 129, 1000, 65_537])
      for (const key of [
        [0, 0],
        [0xffffffff, 0xffffffff],
        [0x13198a2e, 0x03707344]
      ] as const) {
        const of = random(size, key, [0x243f6a88, 0x85a308d3])
        expectSame(await onGpu(await dispatcher(), of, limitsWith(12, { workgroup: 64 })), meant(of))
      }
  })

  itOnWebGpu('counts on from the end of the range at 0, without a carry', async () => {
    const of = random(21, [1, 2], [0xfffffffc, 0xffffffff])
    expectSame(await onGpu(await dispatcher(), of, limitsWith(12, { workgroup: 4 })), meant(of))
  })

  itOnWebGpu('takes key and counter from one buffer', async () => {
    const [{ inputs, kernels }] = [random(9, [3, 4], [5, 6])]
    const of: KernelCase = {
      buffers: [
        { dtype: 'u32', size: 5 },
        { dtype: 'u32', size: 9 }
      ],
      inputs: inputs.slice(0, 1),
      kernels: kernels.flatMap((kernel) =>
        kernel._tag === 'random' ? [{ ...kernel, counter: { ...kernel.key }, out: 1 }] : []
      )
    }
    expectSame(await onGpu(await dispatcher(), of, limitsWith(12, { workgroup: 64 })), meant(of))
  })
})
