/**
 * The innermost loops of the product: a strip of the result, eight columns wide, from packed blocks of the operands.
 *
 * A strip is computed in tiles of 4 by 8, whose sums stay in registers for a whole block of the contraction. Eight vectors
 * of sums, two of the right operand and four splats of the left one are nearly all the 16 registers there are.
 */

import {
  block,
  call,
  doWhile,
  get,
  increase,
  leaveWhen,
  select,
  set,
  tee,
  when,
  type Callee,
  type Code,
  type ModuleDraft,
  type ValueType
} from '../assembler.js'
import * as f32 from '../assembler/f32.js'
import * as f32x4 from '../assembler/f32x4.js'
import * as i32 from '../assembler/i32.js'
import * as v128 from '../assembler/v128.js'
import { inBlocks, times } from './blocks.js'
import { groupLanes, stepBytes } from './pack.js'

export const tileRows = groupLanes
export const tileColumns = 2 * groupLanes
export const tileBytes = 4 * tileRows * tileColumns

/** Steps of the contraction to a turn of the loop. */
const unrolled = 4

/**
 * Adds to a module: `(tile, out, rows, columns, outRow, accumulate)`, which stores the upper left corner of a tile, or adds
 * it to what is there where `accumulate` is not zero.
 */
const addCorner = (draft: ModuleDraft): Callee =>
  draft.add({
    params: new Array<ValueType>(6).fill('i32'),
    results: [],
    body: (scope) => {
      const [tile, out, rows, columns, outRow, accumulate] = scope.params
      const [from, to] = [scope.local('i32'), scope.local('i32')]
      return inBlocks(scope, rows, i32.const(1), (row) =>
        inBlocks(scope, columns, i32.const(1), (column) => [
          set(from, i32.add(get(tile), i32.add(times(row, 4 * tileColumns), times(column, 4)))),
          set(to, i32.add(get(out), i32.add(i32.mul(get(row), get(outRow)), times(column, 4)))),
          when(
            get(accumulate),
            f32.store(get(to), f32.add(f32.load(get(to)), f32.load(get(from)))),
            f32.store(get(to), f32.load(get(from)))
          )
        ])
      )
    }
  })

/**
 * Adds to a module: `(left, right, out, rows, columns, depth, outRow, accumulate, spare)`.
 *
 * `left` is a packed block of `rows` rows, `right` one of `columns` columns, of which there are at most eight. `outRow` is
 * in bytes. `spare` is an address with room for a tile.
 */
export const addStrip = (draft: ModuleDraft, relaxed: boolean): Callee => {
  const corner = addCorner(draft)
  return draft.add({
    params: new Array<ValueType>(9).fill('i32'),
    results: [],
    body: (scope) => {
      const { params, local } = scope
      const [left, right, out, rows, columns, depth, outRow, accumulate, spare] = params
      const [from, low, high, rest, to] = [local('i32'), local('i32'), local('i32'), local('i32'), local('i32')]
      const [splat, lowRight, highRight] = [local('v128'), local('v128'), local('v128')]
      const tile = Array.from({ length: tileRows }, () => [local('v128'), local('v128')] as const)
      const sums = tile.flat()

      const multiplyAdd = (x: Code, y: Code, sum: Code): Code =>
        relaxed ? f32x4.relaxedMadd(x, y, sum) : f32x4.add(sum, f32x4.mul(x, y))

      const step = (u: number): Code => [
        set(lowRight, v128.load(get(low), stepBytes * u)),
        set(highRight, v128.load(get(high), stepBytes * u)),
        tile.map(([lowSum, highSum], row) => [
          set(splat, v128.load32Splat(get(from), stepBytes * u + 4 * row)),
          set(lowSum, multiplyAdd(get(splat), get(lowRight), get(lowSum))),
          set(highSum, multiplyAdd(get(splat), get(highRight), get(highSum)))
        ])
      ]

      // The way out after every step lets the depth be any number, and it ends a basic block. V8 puts the loads of a
      // basic block before its arithmetic, and those of two steps together do not fit in the registers: this loop runs at
      // 56 GFLOP/s (the machine's limit is 58), and at 30 with its steps in one block.
      const contraction = block(
        doWhile(
          [
            Array.from({ length: unrolled - 1 }, (_, u) => [
              step(u),
              leaveWhen(i32.eq(get(rest), i32.const(u + 1)), 1)
            ]),
            step(unrolled - 1),
            [from, low, high].map((address) => increase(address, i32.const(unrolled * stepBytes)))
          ],
          tee(rest, i32.sub(get(rest), i32.const(unrolled)))
        )
      )

      const storeTile = tile.map(([lowSum, highSum]) => [
        when(get(accumulate), [
          set(lowSum, f32x4.add(v128.load(get(to)), get(lowSum))),
          set(highSum, f32x4.add(v128.load(get(to), stepBytes), get(highSum)))
        ]),
        v128.store(get(to), get(lowSum)),
        v128.store(get(to), get(highSum), stepBytes),
        increase(to, get(outRow))
      ])

      return inBlocks(scope, rows, i32.const(tileRows), (row, height) => [
        set(rest, get(depth)),
        set(from, i32.add(get(left), i32.mul(get(depth), times(row, 4)))),
        set(low, get(right)),
        set(
          high,
          i32.add(
            get(right),
            select(i32.gtU(get(columns), i32.const(groupLanes)), times(depth, stepBytes), i32.const(0))
          )
        ),
        sums.map((sum) => set(sum, f32x4.all(0))),
        contraction,
        set(to, i32.add(get(out), i32.mul(get(row), get(outRow)))),
        when(
          i32.and(i32.eq(get(height), i32.const(tileRows)), i32.eq(get(columns), i32.const(tileColumns))),
          storeTile,
          [
            sums.map((sum, i) => v128.store(get(spare), get(sum), stepBytes * i)),
            call(corner, get(spare), get(to), get(height), get(columns), get(outRow), get(accumulate))
          ]
        )
      ])
    }
  })
}
