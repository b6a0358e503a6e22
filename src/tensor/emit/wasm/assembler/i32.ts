/** Instructions on i32. */

import { signed, type Code } from './code.js'
import { binary, loading, storing, unary } from './forms.js'

const constant = (value: number): Code => [0x41, signed(BigInt(value | 0))]
export { constant as const }

export const load = loading(0x28)
export const load8U = loading(0x2d)
export const store = storing(0x36)
export const eqz = unary(0x45)
export const eq = binary(0x46)
export const ne = binary(0x47)
export const ltU = binary(0x49)
export const gtU = binary(0x4b)
export const geU = binary(0x4f)
export const add = binary(0x6a)
export const sub = binary(0x6b)
export const mul = binary(0x6c)
export const divS = binary(0x6d)
export const divU = binary(0x6e)
export const remS = binary(0x6f)
export const remU = binary(0x70)
export const and = binary(0x71)
export const or = binary(0x72)
export const shl = binary(0x74)
export const shrS = binary(0x75)
export const shrU = binary(0x76)
export const wrapI64 = unary(0xa7)
