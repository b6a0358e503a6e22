/**
 * Small ways to write fused loops over rows of f32.
 */

import type { Binary, Reduction } from '../../../src/tensor/elementwise.js'
import type { FusedLoop, FusedStep, Store } from '../../../src/tensor/program/fused.js'
import type { Affine, BufferSpec } from '../../../src/tensor/program/kernel.js'

/** Each gives the number of the step it adds. Every load and every store has a buffer of its own, in order. */
export type RowLoopWriter = {
  readonly step: (step: FusedStep) => number
  readonly constant: (value: number) => number
  /** An element of a matrix, or of a vector that is as long as a row. */
  readonly load: (of?: 'matrix' | 'row') => number
  readonly binary: (fn: Binary, x: number, y: number) => number
  readonly fold: (fn: Reduction, x: number) => number
  /** To an element of a matrix. */
  readonly store: (value: number) => void
  /** Once for a row. */
  readonly storeRow: (value: number) => void
}

/** The loop over `rows` rows of `columns` elements that `write` writes. */
export const rowLoop = (rows: number, columns: number, write: (writer: RowLoopWriter) => void): RowLoop => {
  const body: Array<FusedStep> = []
  const stores: Array<Store> = []
  const buffers: Array<BufferSpec> = []
  const buffer = (size: number): number => buffers.push({ dtype: 'f32', size }) - 1
  const step = (added: FusedStep): number => body.push(added) - 1
  const matrix: Affine = { offset: 0, strides: [columns, 1] }
  const store = (value: number, at: Affine, size: number): void =>
    void stores.push({ buffer: buffer(size), at, value, combine: undefined, scatter: undefined })
  write({
    step,
    constant: (value) => step({ _tag: 'constant', dtype: 'f32', value }),
    load: (of = 'matrix') =>
      step({
        _tag: 'load',
        dtype: 'f32',
        buffer: buffer(of === 'matrix' ? rows * columns : columns),
        at: of === 'matrix' ? matrix : { offset: 0, strides: [0, 1] }
      }),
    binary: (fn, x, y) => step({ _tag: 'binary', dtype: 'f32', fn, x, y }),
    fold: (fn, x) => step({ _tag: 'fold', dtype: 'f32', fn, x }),
    store: (value) => store(value, matrix, rows * columns),
    storeRow: (value) => store(value, { offset: 0, strides: [1, 0] }, rows)
  })
  return { _tag: 'loop', extents: [rows, columns], body, stores, buffers }
}

export type RowLoop = FusedLoop & { readonly buffers: ReadonlyArray<BufferSpec> }
