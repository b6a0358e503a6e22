/** Loops over an extent cut into blocks, as the product's nest of loops wants them. */

import { doWhile, increase, select, set, type Code, type Local, type Scope } from '../assembler.js'
import * as i32 from '../assembler/i32.js'

/** The smaller of two i32 that are not negative; both are computed twice. */
export const smaller = (x: Code, y: Code): Code => select(i32.ltU(x, y), x, y)

/** An i32 times a constant. */
export const times = (x: Local, factor: number): Code => i32.mul(x, i32.const(factor))

/**
 * Runs `body` for each block of an extent of at least 1, in order. A block is `most` long; the last is what remains.
 * `start` and `size` are for `body` to read.
 */
export const inBlocks = (
  { locals }: Scope,
  extent: Local,
  most: Code,
  body: (start: Local, size: Local) => Code
): Code => {
  const [start, size] = locals('i32', 2)
  return [
    set(start, i32.const(0)),
    doWhile(
      [set(size, smaller(i32.sub(extent, start), most)), body(start, size), increase(start, size)],
      i32.ltU(start, extent)
    )
  ]
}
