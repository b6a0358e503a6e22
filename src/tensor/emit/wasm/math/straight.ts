/** Straight-line code: values get a local, and a name, as they are computed. */

import { set, type Code, type Scope, type ValueType } from '../assembler.js'
import { add, mul } from '../assembler/f32x4.js'
import * as f32x4 from '../assembler/f32x4.js'
import * as i32x4 from '../assembler/i32x4.js'
import * as v128 from '../assembler/v128.js'

/** Computes a value once; the result can stand several times. */
export type Name = (value: Code, type?: ValueType) => Code

/** The code that `write` returns, after that of all it has named. */
export const straight = (scope: Scope, write: (name: Name) => Code): Code => {
  const lines: Array<Code> = []
  const name: Name = (value, type = 'v128') => {
    const local = scope.local(type)
    lines.push(set(local, value))
    return local
  }
  const result = write(name)
  return [lines, result]
}

/**
 * `c0 + c1 x + c2 x^2 + ...`, of f32x4, by Estrin's scheme: a processor waits for a long chain, and Horner's is the longest
 * there is.
 */
export const polynomial = (name: Name, x: Code, coefficients: ReadonlyArray<number>): Code => {
  const powers = [x]
  /** `x^(2^k)` */
  const power = (k: number): Code => (powers[k] ??= name(mul(power(k - 1), power(k - 1))))
  const sum = (part: ReadonlyArray<number>): Code => {
    if (part.length === 1) return f32x4.all(part[0])
    // The largest k with 2^k < part.length.
    const k = 31 - Math.clz32(part.length - 1)
    return add(sum(part.slice(0, 1 << k)), mul(power(k), sum(part.slice(1 << k))))
  }
  return sum(coefficients)
}

/** Lane by lane; `mask` is all ones or all zeros in each. */
export const pick = (mask: Code, ifTrue: Code, ifFalse: Code): Code => v128.bitselect(ifTrue, ifFalse, mask)

/** `value` of the sign of `x`, where it has that sign already or is 0: so -0 stays what it is. */
export const signedAs = (x: Code, value: Code): Code => v128.or(value, v128.and(x, i32x4.all(1 << 31)))

/** The smaller of `x` and a number; NaN where `x` is. One instruction, where `f32x4.min` takes eight. */
export const atMost = (x: Code, limit: number): Code => f32x4.pmin(x, f32x4.all(limit))

/** The larger of `x` and a number; NaN where `x` is. */
export const atLeast = (x: Code, limit: number): Code => f32x4.pmax(x, f32x4.all(limit))

/** Bytes for a shuffle: the low halves of two vectors, as halves of one. */
export const lowHalves = [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23]

/** Bytes for a shuffle: the high half of a vector, twice. */
export const highHalf = [8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15]
