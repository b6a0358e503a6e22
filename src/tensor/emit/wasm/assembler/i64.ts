/** Instructions on i64. */

import { signed, type Code } from './code.js'
import { binary, unary } from './forms.js'

const constant = (value: bigint): Code => [0x42, signed(BigInt.asIntN(64, value))]
export { constant as const }

export const add = binary(0x7c)
export const sub = binary(0x7d)
export const mul = binary(0x7e)
export const or = binary(0x84)
export const shl = binary(0x86)
export const shrU = binary(0x88)
export const extendI32U = unary(0xad)
