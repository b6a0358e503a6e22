/** Instructions on two lanes of f64. */

import { littleEndian, type Code } from './code.js'
import { binaryLanes, extracting, unaryLanes } from './forms.js'
import * as v128 from './v128.js'

export const all = (x: number): Code => v128.const(littleEndian(Float64Array.of(x, x)))
export const extractLane = extracting(0x21)
export const eq = binaryLanes(0x47)
export const lt = binaryLanes(0x49)
export const nearest = unaryLanes(0x94)
export const add = binaryLanes(0xf0)
export const sub = binaryLanes(0xf1)
export const mul = binaryLanes(0xf2)
export const div = binaryLanes(0xf3)
/** As those of f32x4. */
export const pmin = binaryLanes(0xf6)
export const pmax = binaryLanes(0xf7)
/** Of the two low lanes. */
export const promoteLowF32x4 = unaryLanes(0x5f)
