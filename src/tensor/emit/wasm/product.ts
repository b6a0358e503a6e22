/**
 * The matrix product of the wasm device: one strided m by n by k product, in f32, as a WebAssembly function.
 *
 * The loops are those of Goto and van de Geijn: blocks of the operands are packed into scratch memory, the right one so
 * that it stays in the outer caches and the left one in the second, and multiplied strip by strip (`product/strip.ts`).
 *
 * Every element of the result is the same sum, whatever else is computed beside it: its products are added in order of
 * the contraction, in f32, `blockDepth` at a time from zero, and the sums of those blocks in order. So its bits depend on
 * its row of the left operand and its column of the right one alone, and a product may be cut into panels freely.
 * Sums of more than `blockDepth` blocks are the caller's to cut (`run/wasm-launches.ts`).
 *
 * Source: Goto and van de Geijn 2008, Anatomy of high-performance matrix multiplication.
 * https://doi.org/10.1145/1356052.1356053
 */

import {
  call,
  increase,
  set,
  when,
  type Callee,
  type Code,
  type Local,
  type ModuleDraft,
  type ValueType
} from './assembler.js'
import * as i32 from './assembler/i32.js'
import { inBlocks, smaller, times } from './product/blocks.js'
import { addPack, groupLanes, packedBytes } from './product/pack.js'
import { addStrip, tileBytes, tileColumns } from './product/strip.js'
import type { Contraction } from '../../program/kernel.js'

/** Products that are added up before their sum goes to memory. 8 KiB of a strip's right operand, in the first cache. */
export const blockDepth = 256

/** With `blockDepth`, 128 KiB of the left operand and 512 KiB of the right one. */
const blockRows = 128
const blockColumns = 512

/**
 * Rows of the result that are so many bytes apart lie in pages of their own: fewer of them are worked on at a time than the
 * first of the caches of addresses holds. (2048 x 2048 x 2048 is 18 % faster for it.)
 */
const farApart = 8192
const fewRows = 32

/**
 * What becomes of the right operand as it is packed. Products that have it in common, such as the panels of one product, can
 * pack it once: the first of them keeps it whole in their scratch, and the others find it there.
 */
export const packing = { forgotten: 0, kept: 1, found: 2 } as const

export type Packing = (typeof packing)[keyof typeof packing]

/** Bytes of scratch that `product` needs for a contraction: at most 641 KiB, beyond the right operand where that is kept. */
export const productScratchBytes = ({ m, n, k }: Pick<Contraction, 'm' | 'n' | 'k'>, isKept = false): number => {
  const depth = Math.min(k, blockDepth)
  const right = isKept ? packedBytes(n, k) : packedBytes(Math.min(n, blockColumns), depth)
  return tileBytes + packedBytes(Math.min(m, blockRows), depth) + right
}

/**
 * Adds to a module, and exports as `product`:
 *
 *     (left, right, out, scratch, m, n, k, leftRow, leftColumn, rightRow, rightColumn, outRow, packing)
 *
 *     out[i, j] = sum_p left[i, p] right[p, j],   i < m,  j < n,  p < k,  all extents at least 1
 *
 * all i32. The first four are addresses in bytes, multiples of 4 (multiples of 64 are fastest). Strides count elements;
 * those of the operands may be anything, 0 and backwards too. The columns of `out` are neighbours, its rows `outRow`
 * apart. `out`, and the `productScratchBytes` of scratch, overlap nothing else. One call is one product: batches are the
 * caller's loop.
 *
 * The last is one of `packing`. A product that is to find its right operand has the scratch and the extents of the one that kept
 * it, and nothing has written to that scratch since but such products.
 *
 * `relaxed` multiplies and adds in one `f32x4.relaxed_madd`, rounding once where the processor can and twice elsewhere.
 * That pays where additions and multiplications share their units, as on Intel's processors; AMD's have units for each.
 */
export const addProduct = (draft: ModuleDraft, { relaxed }: { readonly relaxed: boolean }): Callee => {
  const pack = addPack(draft)
  const strip = addStrip(draft, relaxed)
  return draft.add({
    name: 'product',
    params: new Array<ValueType>(13).fill('i32'),
    results: [],
    body: (scope) => {
      const [left, right, out, scratch, m, n, k, leftRow, leftColumn, rightRow, rightColumn, outRow, packs] =
        scope.params
      const [packedRight, packedLeft, packed, height] = scope.locals('i32', 4)

      /** Up to whole groups. */
      const filledUp = (lanes: Code): Code => i32.and(i32.add(lanes, i32.const(groupLanes - 1)), i32.const(-groupLanes))
      const element = (matrix: Local, i: Local, row: Local, j: Local, column: Code): Code =>
        i32.add(matrix, i32.add(i32.mul(i, row), i32.mul(j, column)))

      return [
        [leftRow, leftColumn, rightRow, rightColumn, outRow].map((stride) => set(stride, times(stride, 4))),
        set(height, i32.const(blockRows)),
        when(i32.geU(outRow, i32.const(farApart)), set(height, i32.const(fewRows))),
        set(packedLeft, i32.add(scratch, i32.const(tileBytes))),
        set(
          packedRight,
          i32.add(
            packedLeft,
            i32.shl(
              i32.mul(filledUp(smaller(m, i32.const(blockRows))), smaller(k, i32.const(blockDepth))),
              i32.const(2)
            )
          )
        ),
        inBlocks(scope, n, i32.const(blockColumns), (j, columns) =>
          inBlocks(scope, k, i32.const(blockDepth), (p, depth) => [
            set(packed, packedRight),
            when(
              i32.ne(packs, i32.const(packing.forgotten)),
              increase(packed, i32.shl(i32.add(i32.mul(j, k), i32.mul(p, filledUp(columns))), i32.const(2)))
            ),
            when(
              i32.ne(packs, i32.const(packing.found)),
              call(pack, element(right, p, rightRow, j, rightColumn), packed, columns, depth, rightColumn, rightRow)
            ),
            inBlocks(scope, m, height, (i, rows) => [
              call(pack, element(left, i, leftRow, p, leftColumn), packedLeft, rows, depth, leftRow, leftColumn),
              inBlocks(scope, columns, i32.const(tileColumns), (column, width) =>
                call(
                  strip,
                  packedLeft,
                  i32.add(packed, i32.mul(depth, times(column, 4))),
                  i32.add(element(out, i, outRow, j, i32.const(4)), times(column, 4)),
                  rows,
                  width,
                  depth,
                  outRow,
                  p,
                  scratch
                )
              )
            ])
          ])
        )
      ]
    }
  })
}
