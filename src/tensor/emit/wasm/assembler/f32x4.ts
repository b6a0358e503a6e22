/** Instructions on four lanes of f32. */

import { littleEndian, type Code } from './code.js'
import { binaryLanes, extracting, replacing, ternaryLanes, unaryLanes } from './forms.js'
import * as v128 from './v128.js'

const constant = (a: number, b: number, c: number, d: number): Code =>
  v128.const(littleEndian(Float32Array.of(a, b, c, d)))
export { constant as const }

/** A constant in every lane, rounded to f32. */
export const all = (x: number): Code => constant(x, x, x, x)
export const splat = unaryLanes(0x13)
export const extractLane = extracting(0x1f)
export const replaceLane = replacing(0x20)
export const eq = binaryLanes(0x41)
export const ne = binaryLanes(0x42)
export const lt = binaryLanes(0x43)
export const gt = binaryLanes(0x44)
export const le = binaryLanes(0x45)
export const ge = binaryLanes(0x46)
export const floor = unaryLanes(0x68)
export const abs = unaryLanes(0xe0)
export const neg = unaryLanes(0xe1)
export const sqrt = unaryLanes(0xe3)
export const add = binaryLanes(0xe4)
export const sub = binaryLanes(0xe5)
export const mul = binaryLanes(0xe6)
export const div = binaryLanes(0xe7)
/** NaN where either side is NaN; -0 is below 0. */
export const min = binaryLanes(0xe8)
export const max = binaryLanes(0xe9)
/** `y < x ? y : x` */
export const pmin = binaryLanes(0xea)
/** `x < y ? y : x` */
export const pmax = binaryLanes(0xeb)
export const convertI32x4S = unaryLanes(0xfa)
export const convertI32x4U = unaryLanes(0xfb)
export const demoteF64x2Zero = unaryLanes(0x5e)
/** `x y + z`, rounded once or twice as the machine likes. */
export const relaxedMadd = ternaryLanes(0x105)
