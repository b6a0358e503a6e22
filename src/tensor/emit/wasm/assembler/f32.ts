/** Instructions on f32. */

import { littleEndian, type Code } from './code.js'
import { binary, loading, storing, unary } from './forms.js'

const constant = (value: number): Code => [0x43, littleEndian(Float32Array.of(value))]
export { constant as const }

export const load = loading(0x2a)
export const store = storing(0x38)
export const lt = binary(0x5d)
export const gt = binary(0x5e)
export const abs = unary(0x8b)
export const add = binary(0x92)
export const mul = binary(0x94)
export const demoteF64 = unary(0xb6)
export const convertI32S = unary(0xb2)
