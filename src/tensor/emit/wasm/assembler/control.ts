/** Control flow, and local variables. */

import { unsigned, type Code, type Local } from './code.js'
import * as i32 from './i32.js'

/** `ifTrue` where the i32 `condition` is not zero, else `ifFalse`; both are computed. */
export const select = (condition: Code, ifTrue: Code, ifFalse: Code): Code => [ifTrue, ifFalse, condition, 0x1b]

const voidType = 0x40

export const when = (condition: Code, then: Code, otherwise?: Code): Code => [
  condition,
  0x04,
  voidType,
  then,
  otherwise === undefined ? [] : [0x05, otherwise],
  0x0b
]

/** Runs `body`, and again for as long as `condition` is not zero. */
export const doWhile = (body: Code, condition: Code): Code => [0x03, voidType, body, condition, 0x0d, 0x00, 0x0b]

/** Runs `body` once; `leaveWhen` inside it goes to its end. */
export const block = (body: Code): Code => [0x02, voidType, body, 0x0b]

/** Leaves the block, `when` or loop `outwards` levels around this one, where the i32 `condition` is not zero; 0 leaves
 * the innermost, and to leave a loop is to begin it again. */
export const leaveWhen = (condition: Code, outwards = 0): Code => [condition, 0x0d, unsigned(outwards)]

export const set = ({ index }: Local, value: Code): Code => [value, 0x21, unsigned(index)]
export const tee = ({ index }: Local, value: Code): Code => [value, 0x22, unsigned(index)]

/** `local <- local + amount` of an i32. */
export const increase = (local: Local, amount: Code): Code => set(local, i32.add(local, amount))
