/**
 * What a kernel does and takes, whoever runs it: arithmetic, and bytes that move.
 */

import { sizeOf, type Shape } from '../shape.js'
import { elementBytes, type Costs, type DeviceLimits } from './device-limits.js'
import type { FusedKernel, FusedLoop, FusedProgram, FusedStep } from './fused.js'
import type { Affine } from './kernel.js'
import { passesOf } from './passes.js'

/**
 * Arithmetic operations of one run. Moving, comparing and converting count as none, and so do random bits.
 *
 * What is the same along the row of a loop is computed once a row; what a later walk along it needs again and does not
 * remember, again.
 */
export const flopsOf = (kernel: FusedKernel, limits: DeviceLimits): number => {
  switch (kernel._tag) {
    case 'loop':
      return loopFlops(kernel, limits.costs)
    case 'contraction': {
      const { batch, m, n, k } = kernel.contraction
      return 2 * sizeOf(batch) * m * n * k
    }
    case 'panels':
      return flopsOf(kernel.product, limits) + flopsOf(kernel.loop, limits)
    case 'random':
      return 0
  }
}

const loopFlops = (loop: FusedLoop, costs: Costs): number => {
  const { body, extents, stores } = loop
  const arithmetic = (steps: ReadonlyArray<number>): number => steps.filter((i) => isArithmetic(body[i])).length
  const combining = (written: ReadonlyArray<number>): number =>
    written.filter((i) => stores[i].combine !== undefined).length
  const rows = sizeOf(extents.slice(0, -1))
  return passesOf(loop, costs).reduce(
    (sum, { still, stillStores, steps, folds, stores: moving }) =>
      sum +
      rows * (arithmetic(still) + combining(stillStores)) +
      sizeOf(extents) * (arithmetic(steps) + folds.length + combining(moving)),
    0
  )
}

const isArithmetic = (step: FusedStep): boolean =>
  step._tag === 'unary' || step._tag === 'binary' || step._tag === 'fold'

/** Elements that a view touches, each counted once. */
const touched = (extents: Shape, { strides }: Affine): number =>
  sizeOf(extents.filter((_, axis) => strides[axis] !== 0))

/** Bytes that a run moves to and from memory, if every element that it touches moves once. `halves` take half the bytes of their dtype. */
export const bytesOf = (
  kernel: FusedKernel,
  { buffers, halves }: Pick<FusedProgram, 'buffers'> & { readonly halves?: ReadonlySet<number> },
  limits: DeviceLimits
): number => {
  const bytes = (buffer: number, elements: number): number =>
    (elements * elementBytes(buffers[buffer].dtype, limits)) / (halves?.has(buffer) === true ? 2 : 1)
  const whole = (buffer: number): number => bytes(buffer, buffers[buffer].size)
  switch (kernel._tag) {
    case 'loop': {
      const loaded = new Map<number, number>()
      for (const step of kernel.body)
        if (step._tag === 'load' || step._tag === 'lookup') {
          const elements = Math.min(buffers[step.buffer].size, touched(kernel.extents, step.at))
          loaded.set(step.buffer, Math.max(loaded.get(step.buffer) ?? 0, bytes(step.buffer, elements)))
        }
      const stored = kernel.stores.reduce(
        (sum, { buffer, at, scatter }) =>
          sum + (scatter === undefined ? bytes(buffer, touched(kernel.extents, at)) : whole(buffer)),
        0
      )
      return [...loaded.values()].reduce((sum, b) => sum + b, stored)
    }
    case 'contraction':
      return whole(kernel.left) + whole(kernel.right) + whole(kernel.out)
    case 'panels': {
      const { product, loop, isLocal } = kernel
      // A panel of the result is read from a cache; where nobody else reads it, it stays there.
      const body = loop.body.filter((step) => !('buffer' in step) || step.buffer !== product.out)
      const results = isLocal ? 0 : whole(product.out)
      return (
        whole(product.left) + whole(product.right) + results + bytesOf({ ...loop, body }, { buffers, halves }, limits)
      )
    }
    case 'random':
      return whole(kernel.out)
  }
}
