/**
 * The logarithm and what is made of it, on four lanes of f32.
 *
 * `x = 2^k (1 + m)` with `1 + m` between the square roots of 1/2 and 2. With `s = m / (2 + m)` and `z = s^2`,
 * `ln(1 + m) = 2 s + s z q(z)`, `q` a minimax polynomial, in the order of FreeBSD's `logf`, which loses nothing near 1:
 * `2 s = m - m^2 / 2 + s m^2 / 2`.
 */

import type { Code, Scope } from '../assembler.js'
import { add, div, mul, sub } from '../assembler/f32x4.js'
import * as f32x4 from '../assembler/f32x4.js'
import * as i32 from '../assembler/i32.js'
import * as i32x4 from '../assembler/i32x4.js'
import * as v128 from '../assembler/v128.js'
import { expOfMinusAbs } from './exponential.js'
import { atLeast, pick, polynomial, signedAs, straight, type Name } from './straight.js'

const all = f32x4.all

const ln2High = 0.693359375
const ln2Low = Math.LN2 - ln2High

/** For `m` between the square roots, less 1: relative error of the logarithm below 2^-30. */
const nearOne = [0.6666677672, 0.3997749538, 0.2987307787]

/** For `m` in [0, 1]: below 2^-27. */
const upToTwo = [0.6666641314, 0.4002169876, 0.2799914575, 0.2802443896]

const oneBits = 0x3f800000
const rootOfHalfBits = 0x3f3504f3
const exponentBits = -(2 ** 23)

/** `s (m^2 / 2 + z q(z))` and `m^2 / 2`: `ln(1 + m)` is `m` less the second and plus the first. */
const correction = (name: Name, m: Code, q: ReadonlyArray<number>): readonly [Code, Code] => {
  const s = name(div(m, add(m, all(2))))
  const z = name(mul(s, s))
  const halfSquare = name(mul(mul(m, m), all(0.5)))
  return [mul(s, add(halfSquare, mul(z, polynomial(name, z, q)))), halfSquare]
}

/** `k` as f32, and `m`, of a positive normal number. */
const split = (name: Name, y: Code): readonly [Code, Code] => {
  const shifted = name(i32x4.sub(y, i32x4.all(rootOfHalfBits)))
  const k = name(f32x4.convertI32x4S(i32x4.shrS(shifted, i32.const(23))))
  const fraction = i32x4.sub(y, v128.and(shifted, i32x4.all(exponentBits)))
  return [k, name(sub(fraction, all(1)))]
}

/** `k ln 2 + ln(1 + m)`, with the small parts first; `more` is another small part. */
const joined = (name: Name, k: Code, m: Code, more?: Code): Code => {
  const [plus, halfSquare] = correction(name, m, nearOne)
  const low = mul(k, all(ln2Low))
  const small = add(plus, more === undefined ? low : add(low, more))
  return sub(mul(k, all(ln2High)), sub(sub(halfSquare, small), m))
}

/**
 * `value`, the logarithm of `u` for positive finite ones, with infinity and NaN as they were and NaN below 0. It raises what lies
 * below `-largest`, so -Infinity comes after it.
 */
const withEnds = (u: Code, x: Code, value: Code): Code =>
  v128.or(f32x4.pmax(sub(x, all(largest)), value), f32x4.lt(u, all(0)))

const largest = (2 - 2 ** -23) * 2 ** 127

export const log = (scope: Scope, x0: Code): Code =>
  straight(scope, (name) => {
    const x = name(x0)
    // Subnormal numbers are made normal.
    const isTiny = name(f32x4.lt(x, all(2 ** -126)))
    const scale = v128.xor(i32x4.all(oneBits), v128.and(isTiny, i32x4.all(oneBits ^ ((127 + 23) << 23))))
    const [exponent, m] = split(name, name(mul(x, scale)))
    const k = name(sub(exponent, v128.and(isTiny, all(23))))
    const infinityAtZero = v128.and(f32x4.eq(x, all(0)), all(Infinity))
    return sub(withEnds(x, x, joined(name, k, m)), infinityAtZero)
  })

/** `u = 1 + x` loses `x - (u - 1)`, which to first order adds its quotient by `u`. */
export const log1p = (scope: Scope, x0: Code): Code =>
  straight(scope, (name) => {
    const x = name(x0)
    const u = name(add(x, all(1)))
    const [k, m] = split(name, u)
    const lost = div(sub(x, sub(u, all(1))), u)
    const value = pick(f32x4.eq(u, all(0)), all(-Infinity), withEnds(u, x, joined(name, k, m, lost)))
    return signedAs(x, value)
  })

/** `max(x, 0) + ln(1 + e^-|x|)`. */
export const softplus = (scope: Scope, x0: Code): Code =>
  straight(scope, (name) => {
    const x = name(x0)
    const e = name(expOfMinusAbs(name, x))
    const [plus, halfSquare] = correction(name, e, upToTwo)
    return add(atLeast(x, 0), sub(e, sub(halfSquare, plus)))
  })
