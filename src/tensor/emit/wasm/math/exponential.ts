/**
 * The exponential and what is made of it, on four lanes of f32.
 *
 * `x = n ln 2 + r` with `|r| <= ln(2) / 2` (Cody and Waite's reduction: `ln 2` in two parts, the first short enough that its
 * multiples are exact), `e^r - 1 = r + r^2 q(r)` with a minimax polynomial `q` (error below 2^-26 |r|), and powers of two
 * by their bits.
 */

import type { Code, Scope } from '../assembler.js'
import { add, div, mul, sub } from '../assembler/f32x4.js'
import * as f32x4 from '../assembler/f32x4.js'
import * as i32 from '../assembler/i32.js'
import * as i32x4 from '../assembler/i32x4.js'
import { atLeast, atMost, polynomial, signedAs, straight, type Name } from './straight.js'

const all = f32x4.all

const expm1Rest = [0.5000000063, 0.1666654205, 0.04166627901, 0.008366710732, 0.001394667371]

const ln2High = 0.693359375
const ln2Low = Math.LN2 - ln2High

/** Added to an f32 below 2^22, leaves the nearest integer in the low bits; the lowest nine of its own are 0. */
const roundingShift = 1.5 * 2 ** 23

/** `2^i`, of the low nine bits of an integer in [-126, 127]. */
const powerOfTwo = (i: Code): Code => i32x4.add(i32x4.shl(i, i32.const(23)), i32x4.all(127 << 23))

/** `shifted` has `n` in its low nine bits; `less` is `e^r - 1`. */
type Reduced = { readonly shifted: Code; readonly less: Code }

const reduce = (name: Name, x: Code): Reduced => {
  const shifted = name(add(mul(x, all(Math.LOG2E)), all(roundingShift)))
  const n = name(sub(shifted, all(roundingShift)))
  const r = name(sub(sub(x, mul(n, all(ln2High))), mul(n, all(ln2Low))))
  return { shifted, less: add(r, mul(mul(r, r), polynomial(name, r, expm1Rest))) }
}

/** `n` as a sum of two, so that powers beyond the range of one f32 are products of two. */
const halves = (name: Name, shifted: Code): readonly [Code, Code] => {
  const first = name(i32x4.shrS(shifted, i32.const(1)))
  return [first, name(i32x4.sub(shifted, first))]
}

/** `e^x` for `x` in [-104, 89]: 0 at one end, infinity at the other. */
const expWithin = (name: Name, x: Code): Code => {
  const { shifted, less } = reduce(name, name(x))
  const [first, second] = halves(name, shifted)
  return mul(mul(add(less, all(1)), powerOfTwo(first)), powerOfTwo(second))
}

export const exp = (scope: Scope, x: Code): Code =>
  straight(scope, (name) => expWithin(name, atLeast(atMost(x, 89), -104)))

/** `e^-|x|`. */
export const expOfMinusAbs = (name: Name, x: Code): Code => expWithin(name, atLeast(f32x4.neg(f32x4.abs(x)), -104))

/** `2^n (e^r - 1) + (2^n - 1)`, all of it below the second power of two. */
export const expm1 = (scope: Scope, x0: Code): Code =>
  straight(scope, (name) => {
    const x = name(x0)
    const { shifted, less } = reduce(name, name(atLeast(atMost(x, 89), -18)))
    const [first, second] = halves(name, shifted)
    const scale = name(powerOfTwo(first))
    const one = powerOfTwo(i32x4.sub(first, shifted))
    return signedAs(x, mul(add(mul(scale, less), sub(scale, one)), powerOfTwo(second)))
  })

/** `(e^2a - 1) / (e^2a + 1)` with `a = |x|`; 1 in f32 from 10 on. */
export const tanh = (scope: Scope, x0: Code): Code =>
  straight(scope, (name) => {
    const x = name(x0)
    const a = name(atMost(f32x4.abs(x), 10))
    const { shifted, less } = reduce(name, name(add(a, a)))
    const scale = name(powerOfTwo(shifted))
    const below = name(add(mul(scale, less), sub(scale, all(1))))
    return signedAs(x, div(below, add(below, all(2))))
  })

/** `e^x / (1 + e^x)`; 1 in f32 from 30 on. */
export const sigmoid = (scope: Scope, x: Code): Code =>
  straight(scope, (name) => {
    const e = name(expWithin(name, atLeast(atMost(x, 30), -104)))
    return div(e, add(e, all(1)))
  })
