/**
 * Contractions as batches of strided matrices: which axes play which role, and when they are one matrix.
 */

import type { Affine, Contraction } from './kernel.js'
import { sizeOf, type Shape } from '../shape.js'
import { freeAxes } from '../tensor.js'
import { collapse, dense } from './views.js'

/** Some axes of an operand, in order. */
type Role = { readonly extents: Shape; readonly strides: ReadonlyArray<number> }

/** One side of a contraction: its axes by what they do, in the order of the result (batch, free) and of the sum (contract). */
export type ContractionOperand = {
  readonly offset: number
  readonly batch: Role
  readonly free: Role
  readonly contract: Role
}

export const operandOf = (
  shape: Shape,
  at: Affine,
  batch: ReadonlyArray<number>,
  contract: ReadonlyArray<number>
): ContractionOperand => {
  const role = (axes: ReadonlyArray<number>): Role => ({
    extents: axes.map((axis) => shape[axis]),
    strides: axes.map((axis) => at.strides[axis])
  })
  return {
    offset: at.offset,
    batch: role(batch),
    free: role(freeAxes(shape.length, batch, contract)),
    contract: role(contract)
  }
}

/** All axes, batch then free then contract, as one view. */
export const flattened = ({
  offset,
  batch,
  free,
  contract
}: ContractionOperand): { readonly extents: Shape; readonly at: Affine } => ({
  extents: [...batch.extents, ...free.extents, ...contract.extents],
  at: { offset, strides: [...batch.strides, ...free.strides, ...contract.strides] }
})

/** The same operand laid out densely in that order. */
export const densified = (operand: ContractionOperand): ContractionOperand => {
  const left = [...dense(flattened(operand).extents).strides]
  const role = ({ extents }: Role): Role => ({ extents, strides: left.splice(0, extents.length) })
  return { offset: 0, batch: role(operand.batch), free: role(operand.free), contract: role(operand.contract) }
}

const merged = ({ extents, strides }: Role): ReadonlyArray<number> => collapse(extents, [strides]).lists[0]

/** Whether each batch index selects a matrix with one row stride and one column stride. */
export const isMatrix = ({ free, contract }: ContractionOperand): boolean =>
  merged(free).length <= 1 && merged(contract).length <= 1

/** An axis of one element may have any stride. */
const strideOf = (role: Role): number => merged(role)[0] ?? 1

/**
 * The product of two operands that are matrices.
 *
 * A batch axis along which the right side repeats and the left side only continues its rows is more rows: one larger
 * product instead of many.
 */
export const contractionOf = (left: ContractionOperand, right: ContractionOperand): Contraction => {
  const { extents, lists } = collapse(left.batch.extents, [left.batch.strides, right.batch.strides])
  let rank = extents.length
  let m = sizeOf(left.free.extents)
  let row = strideOf(left.free)
  while (rank > 0 && lists[1][rank - 1] === 0 && (m === 1 || lists[0][rank - 1] === m * row)) {
    if (m === 1) row = lists[0][rank - 1]
    m *= extents[rank - 1]
    rank--
  }
  return {
    batch: extents.slice(0, rank),
    m,
    n: sizeOf(right.free.extents),
    k: sizeOf(left.contract.extents),
    left: { offset: left.offset, batch: lists[0].slice(0, rank), row, column: strideOf(left.contract) },
    right: {
      offset: right.offset,
      batch: lists[1].slice(0, rank),
      row: strideOf(right.contract),
      column: strideOf(right.free)
    }
  }
}
