/** Instructions on f64. */

import { littleEndian, type Code } from './code.js'
import { binary, loading, storing, unary } from './forms.js'

const constant = (value: number): Code => [0x44, littleEndian(Float64Array.of(value))]
export { constant as const }

export const load = loading(0x2b)
export const store = storing(0x39)
export const add = binary(0xa0)
export const mul = binary(0xa2)
export const convertI64S = unary(0xb9)
export const promoteF32 = unary(0xbb)
