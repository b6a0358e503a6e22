/**
 * Rows of tokens, and batches of them as the networks read them.
 */

import { invalidArgument } from '../../../tensor/fault.js'

/** One row without padding: ids, and the segment of each. Both of one length. */
export type TokenRow = {
  readonly ids: ReadonlyArray<number>
  readonly types: ReadonlyArray<number>
}

/** `rows.length * length` values each, a row after another. `mask` is 1 for what is real. */
export type PaddedRows = { readonly ids: Int32Array; readonly mask: Int32Array; readonly types: Int32Array }

/** Lists of one number each for rows of `length`, filled up with 0. Throws `InvalidArgument` where a list is longer. */
export const padded = (length: number, lists: ReadonlyArray<ReadonlyArray<number>>): Int32Array => {
  const values = new Int32Array(lists.length * length)
  lists.forEach((list, row) => {
    if (list.length > length)
      throw invalidArgument('padded', `${list.length} values in row ${row}`, `at most ${length}`)
    values.set(list, row * length)
  })
  return values
}

/** Rows with [PAD], whose id is 0, up to `length`. Throws `InvalidArgument` where a row is longer. */
export const padRows = (length: number, rows: ReadonlyArray<TokenRow>): PaddedRows => ({
  ids: padded(
    length,
    rows.map(({ ids }) => ids)
  ),
  mask: padded(
    length,
    rows.map(({ ids }) => ids.map(() => 1))
  ),
  types: padded(
    length,
    rows.map(({ types }) => types)
  )
})
