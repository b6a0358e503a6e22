/**
 * The innermost loops of the product: a strip of the result, eight columns wide, from packed blocks of the operands.
 *
 * A strip is computed in tiles of 4 by 8, whose sums stay in registers for a whole block of the contraction. Eight vectors
 * of sums, two of the right operand and four splats of the left one are nearly all the 16 registers there are.
 */

import { range } from '../../../range.js'
import {
  block,
  call,
  doWhile,
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
      const [from, to] = scope.locals('i32', 2)
      return inBlocks(scope, rows, i32.const(1), (row) =>
        inBlocks(scope, columns, i32.const(1), (column) => [
          set(from, i32.add(tile, i32.add(times(row, 4 * tileColumns), times(column, 4)))),
          set(to, i32.add(out, i32.add(i32.mul(row, outRow), times(column, 4)))),
          when(accumulate, f32.store(to, f32.add(f32.load(to), f32.load(from))), f32.store(to, f32.load(from)))
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
      const { params, locals } = scope
      const [left, right, out, rows, columns, depth, outRow, accumulate, spare] = params
      const [from, low, high, rest, to] = locals('i32', 5)
      const [splat, lowRight, highRight] = locals('v128', 3)
      const tile = range(tileRows).map(() => locals('v128', 2))
      const sums = tile.flat()

      const multiplyAdd = (x: Code, y: Code, sum: Code): Code =>
        relaxed ? f32x4.relaxedMadd(x, y, sum) : f32x4.add(sum, f32x4.mul(x, y))

      const step = (u: number): Code => [
        set(lowRight, v128.load(low, stepBytes * u)),
        set(highRight, v128.load(high, stepBytes * u)),
        tile.map(([lowSum, highSum], row) => [
          set(splat, v128.load32Splat(from, stepBytes * u + 4 * row)),
          set(lowSum, multiplyAdd(splat, lowRight, lowSum)),
          set(highSum, multiplyAdd(splat, highRight, highSum))
        ])
      ]

      // The way out after every step lets the depth be any number, and it ends a basic block. V8 puts the loads of a
      // basic block before its arithmetic, and those of two steps together do not fit in the registers: this loop runs at
      // 56 GFLOP/s (the machine's limit is 58), and at 30 with its steps in one block.
      const contraction = block(
        doWhile(
          [
            range(unrolled - 1).map((u) => [step(u), leaveWhen(i32.eq(rest, i32.const(u + 1)), 1)]),
            step(unrolled - 1),
            [from, low, high].map((address) => increase(address, i32.const(unrolled * stepBytes)))
          ],
          tee(rest, i32.sub(rest, i32.const(unrolled)))
        )
      )

      const storeTile = tile.map(([lowSum, highSum]) => [
        when(accumulate, [
          set(lowSum, f32x4.add(v128.load(to), lowSum)),
          set(highSum, f32x4.add(v128.load(to, stepBytes), highSum))
        ]),
        v128.store(to, lowSum),
        v128.store(to, highSum, stepBytes),
        increase(to, outRow)
      ])

      return inBlocks(scope, rows, i32.const(tileRows), (row, height) => [
        set(rest, depth),
        set(from, i32.add(left, i32.mul(depth, times(row, 4)))),
        set(low, right),
        set(
          high,
          i32.add(right, select(i32.gtU(columns, i32.const(groupLanes)), times(depth, stepBytes), i32.const(0)))
        ),
        sums.map((sum) => set(sum, f32x4.all(0))),
        contraction,
        set(to, i32.add(out, i32.mul(row, outRow))),
        when(i32.and(i32.eq(height, i32.const(tileRows)), i32.eq(columns, i32.const(tileColumns))), storeTile, [
          sums.map((sum, i) => v128.store(spare, sum, stepBytes * i)),
          call(corner, spare, to, height, columns, outRow, accumulate)
        ])
      ])
    }
  })
}
