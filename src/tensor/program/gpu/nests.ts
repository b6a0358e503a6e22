/**
 * What the lowering of any loop needs: its buffers, its axes in another order, and buffers filled with a number.
 */

import { mapAccesses, type FusedLoop } from '../fused.js'
import type { BufferSpec } from '../kernel.js'
import { dense } from '../views.js'
import type { GpuKernel } from './gpu-kernel.js'

/** The buffers of a program, and those that its kernels need beside them. */
export type Buffers = {
  readonly spec: (buffer: number) => BufferSpec
  readonly scratch: (spec: BufferSpec) => number
}

/** The axes of a nest in another order. */
export const reordered = (loop: FusedLoop, order: ReadonlyArray<number>): FusedLoop => ({
  ...mapAccesses(loop, ({ offset, strides }) => ({ offset, strides: order.map((axis) => strides[axis]) })),
  extents: order.map((axis) => loop.extents[axis])
})

/** Writes a number to every element of a buffer that has any. */
export const filled = (buffer: number, { dtype, size }: BufferSpec, value: number): ReadonlyArray<GpuKernel> =>
  size === 0
    ? []
    : [
        {
          _tag: 'map',
          loop: {
            _tag: 'loop',
            extents: [size],
            body: [{ _tag: 'constant', dtype, value }],
            stores: [{ buffer, at: dense([size]), value: 0, combine: undefined, scatter: undefined }]
          }
        }
      ]
