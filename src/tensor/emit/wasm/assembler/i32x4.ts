/** Instructions on four lanes of i32. */

import { littleEndian, type Code } from './code.js'
import { binaryLanes, extracting, replacing, unaryLanes } from './forms.js'
import * as v128 from './v128.js'

const constant = (a: number, b: number, c: number, d: number): Code =>
  v128.const(littleEndian(Int32Array.of(a | 0, b | 0, c | 0, d | 0)))
export { constant as const }

/** A constant in every lane. */
export const all = (x: number): Code => constant(x, x, x, x)
export const splat = unaryLanes(0x11)
export const extractLane = extracting(0x1b)
export const replaceLane = replacing(0x1c)
export const eq = binaryLanes(0x37)
export const ne = binaryLanes(0x38)
export const ltS = binaryLanes(0x39)
export const ltU = binaryLanes(0x3a)
export const gtS = binaryLanes(0x3b)
export const gtU = binaryLanes(0x3c)
export const leS = binaryLanes(0x3d)
export const leU = binaryLanes(0x3e)
export const geS = binaryLanes(0x3f)
export const geU = binaryLanes(0x40)
export const abs = unaryLanes(0xa0)
export const neg = unaryLanes(0xa1)
export const allTrue = unaryLanes(0xa3)
export const extendLowI16x8U = unaryLanes(0xa9)
/** Shifts take an i32. */
export const shl = binaryLanes(0xab)
export const shrS = binaryLanes(0xac)
export const shrU = binaryLanes(0xad)
export const add = binaryLanes(0xae)
export const sub = binaryLanes(0xb1)
export const mul = binaryLanes(0xb5)
export const minS = binaryLanes(0xb6)
export const minU = binaryLanes(0xb7)
export const maxS = binaryLanes(0xb8)
export const maxU = binaryLanes(0xb9)
export const truncSatF32x4S = unaryLanes(0xf8)
export const truncSatF32x4U = unaryLanes(0xf9)
export const truncSatF64x2SZero = unaryLanes(0xfc)
