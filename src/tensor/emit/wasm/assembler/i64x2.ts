/** Instructions on two lanes of i64. */

import { range } from '../../../range.js'
import type { Code } from './code.js'
import { binaryLanes } from './forms.js'
import * as v128 from './v128.js'

const constant = (a: bigint, b: bigint): Code =>
  v128.const([a, b].flatMap((x) => range(8).map((i) => Number((x >> BigInt(8 * i)) & 0xffn))))
export { constant as const }

export const all = (x: bigint): Code => constant(x, x)
export const shl = binaryLanes(0xcb)
export const shrS = binaryLanes(0xcc)
export const add = binaryLanes(0xce)
export const sub = binaryLanes(0xd1)
