/**
 * The stores of a fused loop, four elements of a row at a time.
 */

import type { DType } from '../../dtype.js'
import { variesAlongRow, type Store } from '../../program/fused.js'
import { loadLanes, storeLanes, type Place } from './access.js'
import { get, i32x4, set, when, type Code } from './assembler.js'
import { find, foundIn, scatterAdd } from './indexed.js'
import { combineLanes } from './lanes.js'
import { memo } from './memo.js'
import { indexingOf, type StepContext, type Steps, type Vector } from './steps.js'

export type Stores = {
  /** Where the elements of a store without `scatter` lie. */
  readonly place: (store: Store, vector: Vector) => Place
  /** What a store along the row needs before the row. */
  readonly beforeRow: (store: Store) => Code
  /** Stores the elements of one vector. */
  readonly along: (store: Store, vector: Vector) => Code
}

export const storesOf = ({ loop, scope }: StepContext, { value, base, place }: Steps): Stores => {
  const row = loop.extents.length - 1
  const varies = variesAlongRow(loop)
  const dtypeOf = (store: Store): DType => loop.body[store.value].dtype
  const baseOf = (store: Store): Code => base(store.buffer, dtypeOf(store), store.at)
  const result = scope.local('v128')

  /** Whether elements go to places beside one another, which one index finds for the whole row. */
  const isFound = ({ at }: Store, index: number): boolean => !varies[index] && at.strides[row] !== 0
  const found = memo((_: Store) => foundIn(scope))

  const write = (store: Store, to: Place, { lanes, slot }: Vector): Code => {
    const { combine, value: step } = store
    const dtype = dtypeOf(store)
    if (combine === undefined) return storeLanes(dtype, to, lanes, value(step, slot))
    return [
      set(result, combineLanes(combine, dtype, loadLanes(dtype, to, lanes), value(step, slot))),
      storeLanes(dtype, to, lanes, get(result))
    ]
  }

  return {
    place: (store, vector) => place(baseOf(store), dtypeOf(store), store.at, vector),
    beforeRow: (store) => {
      const { scatter } = store
      if (scatter === undefined || !isFound(store, scatter.index)) return []
      return find(baseOf(store), value(scatter.index, 0), indexingOf(scatter, dtypeOf(store)), found(store))
    },
    along: (store, vector) => {
      const { scatter, at, value: of } = store
      const { lanes, slot } = vector
      const dtype = dtypeOf(store)
      if (scatter !== undefined && isFound(store, scatter.index)) {
        const { base: from, inside } = found(store)
        return when(i32x4.allTrue(get(inside)), write(store, place(get(from), dtype, at, vector), vector))
      }
      const to = place(baseOf(store), dtype, at, vector)
      if (scatter === undefined) return write(store, to, vector)
      const indexing = indexingOf(scatter, dtype)
      return scatterAdd(scope, dtype, to, lanes, value(scatter.index, slot), indexing, value(of, slot))
    }
  }
}
