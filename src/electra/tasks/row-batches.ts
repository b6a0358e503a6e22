/**
 * Rows in batches, and the order in which training sees them.
 *
 * Every epoch has each row once, in an order of its own that a key decides; its last batch is filled up with rows of zeros, whose
 * weights are zeros too. Which rows a step reads is a function of its number alone.
 */

import { hostFold, hostPermutation } from '../../tensor/keys.js'
import type { Data } from '../../tensor/index.js'
import type { Words } from '../../tensor/threefry.js'
import type { Rows } from './task.js'
import { batchesPerEpoch } from './recipe.js'

/** Stands for no row. */
const nothing = -1

/** The rows of step n, -1 where there is none. At least one row; the last order is remembered. */
export const rowOrder = (rows: number, batchSize: number, key: Words): ((n: number) => ReadonlyArray<number>) => {
  const perEpoch = batchesPerEpoch(rows, batchSize)
  let last: { readonly epoch: number; readonly order: Uint32Array } | undefined
  const orderOf = (epoch: number): Uint32Array => {
    if (last?.epoch !== epoch) last = { epoch, order: hostPermutation(rows)(hostFold(epoch)(key)) }
    return last.order
  }
  return (n) => {
    const order = orderOf(Math.floor(n / perEpoch))
    const from = (n % perEpoch) * batchSize
    return Array.from({ length: batchSize }, (_, i) => (from + i < rows ? order[from + i] : nothing))
  }
}

/** The rows of batch n in their own order, -1 where there is none. */
export const rowsInOrder = (rows: number, batchSize: number, n: number): ReadonlyArray<number> =>
  Array.from({ length: batchSize }, (_, i) => (n * batchSize + i < rows ? n * batchSize + i : nothing))

/** How many values of an array a row has. */
const widthOf = (array: Data, count: number): number => array.length / count

/** The array's values for these rows; zeros for -1. */
export const gatherRows = (array: Data, count: number, indices: ReadonlyArray<number>): Data => {
  const width = widthOf(array, count)
  const gathered = new (array.constructor as { new (n: number): Data })(indices.length * width)
  indices.forEach((row, i) => {
    if (row !== nothing) gathered.set(array.subarray(row * width, (row + 1) * width), i * width)
  })
  return gathered
}

/** 1 for each index that is a row, 0 for what only fills a batch up. */
export const realRows = (indices: ReadonlyArray<number>): Float32Array =>
  Float32Array.from(indices, (row) => (row === nothing ? 0 : 1))

/** The first n of the rows in an order that `key` decides; all of them, where there are no more. */
export const limitedRows = (rows: Rows, n: number | undefined, key: Words): Rows => {
  if (n === undefined || n >= rows.count) return rows
  const chosen = [...hostPermutation(rows.count)(key).subarray(0, n)]
  return {
    count: n,
    arrays: Object.fromEntries(
      Object.entries(rows.arrays).map(([name, array]) => [name, gatherRows(array, rows.count, chosen)])
    )
  }
}
