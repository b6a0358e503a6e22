/**
 * Kernel programs: a program lowered to a list of array kernels over numbered buffers, as plain data.
 *
 * Buffers are flat and dense: first the program's inputs, then its outputs, then the temporaries. Kernels run in order,
 * and none writes a buffer that it reads. Movement (reshape, permute, broadcast, slice) has become index arithmetic:
 * every access is an affine function of the coordinates of its kernel's loops. Which code runs a kernel, and where the
 * temporaries lie, is decided later (`emit/`, `plan.ts`).
 */

import type { DType } from '../dtype.js'
import type { Binary, Comparison, Reduction, Unary } from '../elementwise.js'

import type { Shape } from '../shape.js'

/** `offset + sum_i strides[i] * x_i` over loop coordinates `x`. Offsets and strides are never negative. */
export type Affine = { readonly offset: number; readonly strides: ReadonlyArray<number> }

export type View = { readonly buffer: number; readonly at: Affine }

/**
 * One value of a loop body. Operands are numbers of earlier steps. `dtype` is the type of the result.
 */
export type LoopStep =
  /** As in the program: a double that the device rounds. */
  | { readonly _tag: 'constant'; readonly dtype: DType; readonly value: number }
  /** The value of the affine function itself. */
  | { readonly _tag: 'index'; readonly dtype: DType; readonly at: Affine }
  | { readonly _tag: 'load'; readonly dtype: DType; readonly buffer: number; readonly at: Affine }
  /** With `j` the value of step `index`: the element at `at + j * stride`, or 0 unless `0 <= j < extent`. */
  | {
      readonly _tag: 'lookup'
      readonly dtype: DType
      readonly buffer: number
      readonly at: Affine
      readonly index: number
      readonly extent: number
      readonly stride: number
    }
  | { readonly _tag: 'unary'; readonly dtype: DType; readonly fn: Unary; readonly x: number }
  | { readonly _tag: 'binary'; readonly dtype: DType; readonly fn: Binary; readonly x: number; readonly y: number }
  /** `of` is the dtype of the operands. */
  | {
      readonly _tag: 'compare'
      readonly dtype: 'bool'
      readonly of: DType
      readonly fn: Comparison
      readonly x: number
      readonly y: number
    }
  | {
      readonly _tag: 'select'
      readonly dtype: DType
      readonly condition: number
      readonly ifTrue: number
      readonly ifFalse: number
    }
  | { readonly _tag: 'cast'; readonly dtype: DType; readonly from: DType; readonly x: number }
  /** Word `at` of the random bits of a key, whose two words are steps, from a counter on, as `randomBits` defines them. */
  | {
      readonly _tag: 'random'
      readonly dtype: 'u32'
      readonly at: Affine
      readonly key: readonly [number, number]
      readonly counter: readonly [number, number]
    }

/**
 * A nest of loops over `extents`. Without `reduce`, `out[x] = body(x)`. With it, `out[x] = reduce_r body(x, r)` with `r`
 * over `reduce.extents`; the affine functions of the body then have the reduced axes after the others. The value of a
 * body is its last step.
 */
export type Loop = {
  readonly _tag: 'loop'
  readonly extents: Shape
  readonly reduce: { readonly fn: Reduction; readonly extents: Shape } | undefined
  readonly body: ReadonlyArray<LoopStep>
  readonly out: View
}

/**
 * Zeroes `out` (all `size` elements of it), then for each `x` in row-major order adds step `value` to the element
 * `out + j * stride` where `j` is step `index` and `0 <= j < extent`.
 */
export type Scatter = {
  readonly _tag: 'scatter'
  readonly extents: Shape
  readonly body: ReadonlyArray<LoopStep>
  readonly index: number
  readonly value: number
  readonly extent: number
  readonly stride: number
  readonly size: number
  readonly out: View
}

/** A matrix per batch index, inside a flat array: element (i, j) of batch b is at `offset + b . batch + i * row + j * column`. */
export type StridedMatrix = {
  readonly offset: number
  readonly batch: ReadonlyArray<number>
  readonly row: number
  readonly column: number
}

/** `out[b, i, j] = sum_p left[b, i, p] right[b, p, j]`, `out` row-major and dense. Strides may be 0. */
export type Contraction = {
  readonly batch: Shape
  readonly m: number
  readonly n: number
  readonly k: number
  readonly left: StridedMatrix
  readonly right: StridedMatrix
}

/** A batched f32 product, for a multiplier. `out` is written whole. */
export type Product = {
  readonly _tag: 'contraction'
  readonly left: number
  readonly right: number
  readonly out: number
  readonly contraction: Contraction
}

/** `randomBits` of `size` elements. The views of `key` and `counter` have one axis, of extent 2. */
export type Random = {
  readonly _tag: 'random'
  readonly key: View
  readonly counter: View
  readonly out: number
  readonly size: number
}

export type Kernel = Loop | Scatter | Product | Random

export type BufferSpec = { readonly dtype: DType; readonly size: number }

export type KernelProgram = {
  readonly inputs: number
  readonly outputs: number
  /** `inputs` of them, then `outputs`, then temporaries. */
  readonly buffers: ReadonlyArray<BufferSpec>
  readonly kernels: ReadonlyArray<Kernel>
}

/** What is read of any kernel with a body: its steps, those among them with a buffer that read it. */
type WithBody = {
  readonly _tag: 'loop' | 'scatter'
  readonly body: ReadonlyArray<{ readonly _tag: string; readonly buffer?: number }>
}

/** The buffers that a kernel reads, each once, in order of first use. */
export const readsOf = (kernel: WithBody | Product | Random): ReadonlyArray<number> => {
  switch (kernel._tag) {
    case 'loop':
    case 'scatter':
      return [...new Set(kernel.body.flatMap(({ buffer }) => buffer ?? []))]
    case 'contraction':
      return [...new Set([kernel.left, kernel.right])]
    case 'random':
      return [...new Set([kernel.key.buffer, kernel.counter.buffer])]
  }
}

/** The buffer that a kernel writes. */
export const writeOf = (kernel: Kernel): number => {
  switch (kernel._tag) {
    case 'loop':
    case 'scatter':
      return kernel.out.buffer
    case 'contraction':
    case 'random':
      return kernel.out
  }
}
