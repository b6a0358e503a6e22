/**
 * Places in memory that are found through an index: element `j * stride` of an array, for `0 <= j < extent`.
 */

import type { DType } from '../../dtype.js'
import { emptyLanes, lanesFrom, loadLane, type LanePointer } from './access.js'
import { set, tee, when, type Code, type Local, type Scope } from './assembler.js'
import * as i32 from './assembler/i32.js'
import * as i32x4 from './assembler/i32x4.js'
import * as v128 from './assembler/v128.js'
import { allLanes, combineLanes, type Lanes } from './lanes.js'

/** `stride` is in bytes. */
export type Indexing = { readonly extent: number; readonly stride: number }

const isInside = (index: Code, extent: number): Code => i32x4.ltU(index, i32x4.all(extent))

/** A place found for a whole row. */
export type Found = {
  readonly base: Local
  /** Ones in every lane where there is such a place; where there is none, `base` is that of index 0. */
  readonly inside: Local
}

export const foundIn = (scope: Scope): Found => ({ base: scope.local('i32'), inside: scope.local('v128') })

/** The place below `base` for lane 0 of `index`, which must be the same in every lane. */
export const find = (base: Code, index: Code, { extent, stride }: Indexing, { base: to, inside }: Found): Code => [
  set(inside, isInside(index, extent)),
  set(to, i32.add(base, i32.mul(i32x4.extractLane(v128.and(index, inside), 0), i32.const(stride))))
]

/** For each lane the element at its place and its index, or 0. */
export const gather = (
  scope: Scope,
  dtype: DType,
  { address, offset, stride }: LanePointer,
  lanes: Lanes,
  index: Code,
  indexing: Indexing
): Code => {
  const [inside, bytes] = scope.locals('v128', 2)
  const words = allLanes
    .slice(0, lanes)
    .reduce<Code>(
      (into, lane) =>
        loadLane(dtype, i32.add(address, i32x4.extractLane(bytes, lane)), offset + lane * stride, lane, into),
      emptyLanes
    )
  return [
    set(inside, isInside(index, indexing.extent)),
    set(bytes, i32x4.mul(v128.and(index, inside), i32x4.all(indexing.stride))),
    v128.and(lanesFrom(dtype, words), inside)
  ]
}

/**
 * Adds each lane of `value` to the element at its place and its index, one after another: two may be the same. `before` stands before
 * each addition.
 */
export const scatterAdd = (
  scope: Scope,
  dtype: DType,
  { address, offset, stride }: LanePointer,
  lanes: Lanes,
  index: Code,
  indexing: Indexing,
  value: Code,
  before: (place: Code, index: Code) => Code
): Code => {
  const [target, j] = scope.locals('i32', 2)
  return allLanes.slice(0, lanes).map((lane) => {
    const at = offset + lane * stride
    return when(i32.ltU(tee(j, i32x4.extractLane(index, lane)), i32.const(indexing.extent)), [
      set(target, i32.add(address, i32.mul(j, i32.const(indexing.stride)))),
      before(i32.add(target, i32.const(at)), j),
      v128.store32Lane(target, combineLanes('sum', dtype, v128.load32Splat(target, at), value), lane, at)
    ])
  })
}
