/**
 * Reductions along a row, in registers.
 *
 * Vectors of the row go to a few accumulators in turn, which are joined in a fixed order. Sums of f32 are added to a double
 * every `block` elements, so that a long sum rounds about as often as a short one.
 */

import type { DType } from '../../dtype.js'
import type { Reduction } from '../../elementwise.js'
import { set, type Code, type Local, type Scope } from './assembler.js'
import * as f32 from './assembler/f32.js'
import * as f32x4 from './assembler/f32x4.js'
import * as f64 from './assembler/f64.js'
import * as f64x2 from './assembler/f64x2.js'
import * as i32 from './assembler/i32.js'
import * as i32x4 from './assembler/i32x4.js'
import * as i8x16 from './assembler/i8x16.js'
import * as v128 from './assembler/v128.js'
import { combineLanes, constantLanes, identityLanes, type Lanes } from './lanes.js'

/** Elements of a row between two additions to a double. */
export const block = 1024

export type Fold = {
  readonly start: Code
  /** Takes the first `lanes` lanes of `x`, which may stand several times, into accumulator `slot`. */
  readonly take: (slot: number, x: Code, lanes: Lanes) => Code
  /** To run after each block. */
  readonly endBlock: Code
  /** Leaves the result in every lane of `result`. */
  readonly finish: (result: Local) => Code
}

const swapHalves = (x: Code): Code => i8x16.shuffle(x, x, [8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7])

const swapNeighbours = (x: Code): Code => i8x16.shuffle(x, x, [4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11])

const firstLanes = (lanes: Lanes): Code => {
  const mask = (lane: number): number => (lane < lanes ? -1 : 0)
  return i32x4.const(mask(0), mask(1), mask(2), mask(3))
}

/** All lanes of all parts joined, in every lane of `result`. */
const acrossLanes = (join: (x: Code, y: Code) => Code, parts: ReadonlyArray<Code>, result: Local): Code => [
  set(result, joined(join, parts)),
  set(result, join(result, swapHalves(result))),
  set(result, join(result, swapNeighbours(result)))
]

/** Neighbours first, then their results: a tree. */
const joined = (join: (x: Code, y: Code) => Code, parts: ReadonlyArray<Code>): Code => {
  if (parts.length === 1) return parts[0]
  const half = Math.ceil(parts.length / 2)
  return join(joined(join, parts.slice(0, half)), joined(join, parts.slice(half)))
}

const floatSum = (scope: Scope, slots: number): Fold => {
  const sums = scope.locals('v128', slots)
  const [sum, total] = scope.locals('v128', 2)
  const clear = sums.map((slot) => set(slot, f32x4.all(0)))
  const addToTotal = [
    set(sum, joined(f32x4.add, sums)),
    set(total, f64x2.add(total, f64x2.add(f64x2.promoteLowF32x4(sum), f64x2.promoteLowF32x4(swapHalves(sum)))))
  ]
  return {
    start: [clear, set(total, f64x2.all(0))],
    take: (slot, x, lanes) => set(sums[slot], f32x4.add(sums[slot], lanes === 4 ? x : v128.and(x, firstLanes(lanes)))),
    endBlock: [addToTotal, clear],
    finish: (result) => [
      addToTotal,
      set(result, f32x4.splat(f32.demoteF64(f64.add(f64x2.extractLane(total, 0), f64x2.extractLane(total, 1)))))
    ]
  }
}

/**
 * Comparing instructions take one cycle where those that also look for NaN take eight, so NaN are looked for beside them.
 * Of zeros of both signs either may be the result.
 */
const floatExtreme = (fn: 'max' | 'min', scope: Scope, slots: number): Fold => {
  const join = fn === 'max' ? f32x4.pmax : f32x4.pmin
  const identity = identityLanes(fn, 'f32')
  const bests = scope.locals('v128', slots)
  const nans = scope.local('v128')
  return {
    start: [...bests.map((slot) => set(slot, identity)), set(nans, i32x4.all(0))],
    take: (slot, x, lanes) => {
      const valid = lanes === 4 ? x : v128.bitselect(x, identity, firstLanes(lanes))
      return [
        set(bests[slot], join(bests[slot], valid)),
        set(nans, v128.or(nans, lanes === 4 ? f32x4.ne(x, x) : v128.and(f32x4.ne(x, x), firstLanes(lanes))))
      ]
    },
    endBlock: [],
    finish: (result) => [
      acrossLanes(join, bests, result),
      // Ones in every bit are a NaN.
      set(result, v128.or(result, i32x4.splat(i32.sub(i32.const(0), v128.anyTrue(nans)))))
    ]
  }
}

const integerFold = (fn: Reduction, dtype: DType, scope: Scope, slots: number): Fold => {
  const join = (x: Code, y: Code): Code => combineLanes(fn, dtype, x, y)
  const identity = identityLanes(fn, dtype)
  const parts = scope.locals('v128', slots)
  return {
    start: parts.map((slot) => set(slot, identity)),
    take: (slot, x, lanes) =>
      set(parts[slot], join(parts[slot], lanes === 4 ? x : v128.bitselect(x, identity, firstLanes(lanes)))),
    endBlock: [],
    finish: (result) => acrossLanes(join, parts, result)
  }
}

/** The fold of a row that goes round `slots` accumulators. */
export const foldLanes = (fn: Reduction, dtype: DType, scope: Scope, slots: number): Fold => {
  if (dtype !== 'f32') return integerFold(fn, dtype, scope, slots)
  return fn === 'sum' ? floatSum(scope, slots) : floatExtreme(fn, scope, slots)
}

/** Whether a fold must end its blocks. */
export const hasBlocks = (fn: Reduction, dtype: DType, extent: number): boolean =>
  dtype === 'f32' && fn === 'sum' && extent > block

/** The fold of `count` times the same value `x`. */
export const foldOfSame = (fn: Reduction, dtype: DType, x: Code, count: number): Code => {
  if (fn !== 'sum') return x
  if (dtype !== 'f32') return i32x4.mul(x, constantLanes(dtype, count))
  const product = f64.mul(f64.promoteF32(f32x4.extractLane(x, 0)), f64.const(count))
  // A sum begins at 0: of -0 alone it is 0.
  return f32x4.splat(f32.demoteF64(f64.add(product, f64.const(0))))
}
