/**
 * Packing: a block of a strided matrix, copied into the order in which the product reads it.
 *
 * A block is `count` lanes (rows of the left operand, columns of the right one) by `depth` steps of the contraction. It is
 * laid out in groups of four lanes, a group step by step, a step as one vector:
 *
 *     (lane, step)  ->  target + 16 depth floor(lane / 4) + 16 step + 4 (lane mod 4)
 *
 * The last group is filled up with copies of the last lane: nothing outside the block is read, and nobody asks for the
 * sums that the copies lead to.
 *
 * Subnormal numbers are packed as zeros. Products of them are lost in any sum but one of the like, and processors take a
 * hundred times as long for them: where a model attends to nothing at some place, its gradients there have nothing else.
 */

import {
  doWhile,
  increase,
  select,
  set,
  tee,
  when,
  type Callee,
  type Code,
  type Local,
  type ModuleDraft,
  type ValueType
} from '../assembler.js'
import * as i32 from '../assembler/i32.js'
import * as i32x4 from '../assembler/i32x4.js'
import * as i8x16 from '../assembler/i8x16.js'
import * as v128 from '../assembler/v128.js'
import { inBlocks, smaller, times } from './blocks.js'

/** Lanes of a group. */
export const groupLanes = 4

/** Bytes of a step of a group. */
export const stepBytes = 4 * groupLanes

/** Bytes of a packed block. */
export const packedBytes = (count: number, depth: number): number => Math.ceil(count / groupLanes) * depth * stepBytes

/**
 * Lanes that are neighbours in memory are copied as they are, this many steps at a time and group after group, so that a
 * cache line of the source is used up while it is near.
 */
const copiedSteps = 16

/** Lanes 0 to 3 are those of `x`, 4 to 7 those of `y`. */
const shuffle = (x: Code, y: Code, lanes: ReadonlyArray<number>): Code =>
  i8x16.shuffle(
    x,
    y,
    lanes.flatMap((lane) => [0, 1, 2, 3].map((byte) => 4 * lane + byte))
  )

/** Bits of the least normal f32, and all bits but the sign's. */
const leastNormal = 0x00800000
const magnitude = 0x7fffffff

/** `x` with zeros for subnormal numbers, and 0 for -0. NaN and infinities stay. Computes `x` once. */
const flushed = (x: Code, held: Local): Code =>
  v128.andnot(tee(held, x), i32x4.ltS(v128.and(held, i32x4.all(magnitude)), i32x4.all(leastNormal)))

const lowPairs = [0, 4, 1, 5]
const highPairs = [2, 6, 3, 7]
const lowHalves = [0, 1, 4, 5]
const highHalves = [2, 3, 6, 7]

const areNeighbours = (stride: Local): Code => i32.eq(stride, i32.const(4))

/**
 * Adds to a module: `(source, target, count, depth, laneStride, stepStride)`; addresses and strides are in bytes.
 *
 * Fast where lanes or steps are neighbours in memory, right for any strides.
 */
export const addPack = (draft: ModuleDraft): Callee =>
  draft.add({
    params: new Array<ValueType>(6).fill('i32'),
    results: [],
    body: (scope) => {
      const [source, target, count, depth, laneStride, stepStride] = scope.params
      const [most, rest, to] = scope.locals('i32', 3)
      const from = scope.locals('i32', groupLanes)
      const lanes = scope.locals('v128', groupLanes)
      const pairs = scope.locals('v128', groupLanes)

      /** Leaves the number of steps that are left. */
      const advance = (steps: number, stride: Code): Code => [
        from.map((address) => increase(address, stride)),
        increase(to, i32.const(steps * stepBytes)),
        tee(rest, i32.sub(rest, i32.const(steps)))
      ]

      const copy = doWhile(v128.store(to, flushed(v128.load(from[0]), lanes[0])), advance(1, stepStride))

      const [a, b, c, d] = lanes
      const [lowAB, lowCD, highAB, highCD] = pairs
      const transpose = doWhile(
        [
          lanes.map((lane, i) => set(lane, flushed(v128.load(from[i]), pairs[0]))),
          set(pairs[0], shuffle(a, b, lowPairs)),
          set(pairs[1], shuffle(c, d, lowPairs)),
          set(pairs[2], shuffle(a, b, highPairs)),
          set(pairs[3], shuffle(c, d, highPairs)),
          v128.store(to, shuffle(lowAB, lowCD, lowHalves), 0 * stepBytes),
          v128.store(to, shuffle(lowAB, lowCD, highHalves), 1 * stepBytes),
          v128.store(to, shuffle(highAB, highCD, lowHalves), 2 * stepBytes),
          v128.store(to, shuffle(highAB, highCD, highHalves), 3 * stepBytes)
        ],
        i32.geU(advance(4, i32.const(16)), i32.const(4))
      )

      const gathered = from
        .slice(1)
        .reduce((vector, address, i) => v128.load32Lane(address, vector, i + 1), v128.load32Zero(from[0]))
      const gather = doWhile(v128.store(to, flushed(gathered, lanes[0])), advance(1, stepStride))

      return [
        set(most, select(areNeighbours(laneStride), i32.const(copiedSteps), depth)),
        inBlocks(scope, depth, most, (step, steps) =>
          inBlocks(scope, count, i32.const(groupLanes), (lane, width) => [
            from.map((address, i) =>
              set(
                address,
                i32.add(
                  i32.add(source, i32.mul(step, stepStride)),
                  i32.mul(i32.add(lane, smaller(i32.const(i), i32.sub(width, i32.const(1)))), laneStride)
                )
              )
            ),
            set(to, i32.add(target, i32.add(times(step, stepBytes), i32.mul(depth, times(lane, 4))))),
            set(rest, steps),
            when(i32.and(areNeighbours(laneStride), i32.eq(width, i32.const(groupLanes))), copy, [
              when(i32.and(areNeighbours(stepStride), i32.geU(rest, i32.const(4))), transpose),
              when(rest, gather)
            ])
          ])
        )
      ]
    }
  })
