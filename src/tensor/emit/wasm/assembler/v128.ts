/** Instructions on all bits of a vector. */

import type { Code } from './code.js'
import { binaryLanes, loading, simd, storing, ternaryLanes, unaryLanes, withLane } from './forms.js'

const constant = (bytes: ReadonlyArray<number>): Code => [simd(0x0c), bytes]
export { constant as const }

export const load = loading(simd(0x00))
export const load32Splat = loading(simd(0x09))
export const load32Zero = loading(simd(0x5c))
export const load64Zero = loading(simd(0x5d))
export const load8Lane = withLane(0x54)
export const load32Lane = withLane(0x56)
export const store = storing(simd(0x0b))
export const store8Lane = withLane(0x58)
export const store32Lane = withLane(0x5a)
export const store64Lane = withLane(0x5b)
export const not = unaryLanes(0x4d)
export const and = binaryLanes(0x4e)
/** `x & ~y` */
export const andnot = binaryLanes(0x4f)
export const or = binaryLanes(0x50)
export const xor = binaryLanes(0x51)
/** The bits of `x` where `mask` has ones, else those of `y`. */
export const bitselect = ternaryLanes(0x52)
export const anyTrue = unaryLanes(0x53)
