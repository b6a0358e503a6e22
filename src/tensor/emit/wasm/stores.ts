/**
 * The stores of a fused loop, four elements of a row at a time.
 */

import { bytesPerElement, type DType } from '../../dtype.js'
import type { Store } from '../../program/fused.js'
import { loadLanes, storeLanes, type LanePointer } from './access.js'
import { set, when, type Code } from './assembler.js'
import * as i32 from './assembler/i32.js'
import * as i32x4 from './assembler/i32x4.js'
import { find, foundIn, scatterAdd } from './indexed.js'
import { combineLanes } from './lanes.js'
import { memo } from './memo.js'
import { isFound, type Sums } from './sums.js'
import { indexingOf, type StepContext, type StepValues, type Vector } from './steps.js'

export type Stores = {
  /** Where the elements of a store without `scatter` lie. */
  readonly place: (store: Store, vector: Vector) => LanePointer
  /** What a store along the row needs before the row. */
  readonly beforeRow: (store: Store) => Code
  /** Stores the elements of one vector. */
  readonly along: (store: Store, vector: Vector) => Code
}

export const storesOf = ({ loop, scope }: StepContext, { value, base, place }: StepValues, sums: Sums): Stores => {
  const dtypeOf = (store: Store): DType => loop.body[store.value].dtype
  const baseOf = (store: Store): Code => base(store.buffer, dtypeOf(store), store.at)
  const result = scope.local('v128')

  const found = memo((_: Store) => foundIn(scope))

  const write = (store: Store, to: LanePointer, { lanes, slot }: Vector): Code => {
    const { combine, value: step } = store
    const dtype = dtypeOf(store)
    if (combine === undefined) return storeLanes(dtype, to, lanes, value(step, slot))
    return [
      set(result, combineLanes(combine, dtype, loadLanes(dtype, to, lanes), value(step, slot))),
      storeLanes(dtype, to, lanes, result)
    ]
  }

  return {
    place: (store, vector) => place(baseOf(store), dtypeOf(store), store.at, vector),
    beforeRow: (store) => {
      const { scatter, at } = store
      if (scatter === undefined || !isFound(loop, store)) return []
      const { base: from, inside } = found(store)
      const index = value(scatter.index, 0)
      const slice = i32.add(from, i32.const(at.offset * bytesPerElement(dtypeOf(store))))
      return [
        find(baseOf(store), index, indexingOf(scatter, dtypeOf(store)), found(store)),
        when(i32x4.allTrue(inside), sums.count(store, slice, i32x4.extractLane(index, 0)))
      ]
    },
    along: (store, vector) => {
      const { scatter, at, value: of } = store
      const { lanes, slot } = vector
      const dtype = dtypeOf(store)
      if (scatter !== undefined && isFound(loop, store)) {
        const { base: from, inside } = found(store)
        return when(i32x4.allTrue(inside), write(store, place(from, dtype, at, vector), vector))
      }
      const to = place(baseOf(store), dtype, at, vector)
      if (scatter === undefined) return write(store, to, vector)
      const indexing = indexingOf(scatter, dtype)
      const count = (at: Code, index: Code): Code => sums.count(store, at, index)
      return scatterAdd(scope, dtype, to, lanes, value(scatter.index, slot), indexing, value(of, slot), count)
    }
  }
}
