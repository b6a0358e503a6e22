/**
 * `x^y` on four lanes of f32, as `run/scalar.ts` has it: `2^(y log2 |x|)` in double precision, two lanes at a time.
 */

import { type Callee, type Code, type ModuleDraft } from '../assembler.js'
import * as f32x4 from '../assembler/f32x4.js'
import { add, div, mul, sub } from '../assembler/f64x2.js'
import * as f64x2 from '../assembler/f64x2.js'
import * as i32 from '../assembler/i32.js'
import * as i32x4 from '../assembler/i32x4.js'
import * as i64x2 from '../assembler/i64x2.js'
import * as i8x16 from '../assembler/i8x16.js'
import * as v128 from '../assembler/v128.js'
import { highHalf, lowHalves, pick, straight, type Name } from './straight.js'

const all = f64x2.all

/** `2 atanh(s) / (s ln 2)` as a polynomial in `s^2`; error below 2^-50. */
const log2OfRatio = [
  2.8853900817779273, 0.96179669392430835, 0.57707801725728892, 0.4121983984003774, 0.32061650297961908,
  0.26144061899095185, 0.24295903148839961
]

/** `2^r` for `|r| <= 1/2`; error below 2^-40. */
const exp2OfRest = [
  1.000000000000027, 0.69314718054590832, 0.24022650695466747, 0.055504109413033926, 0.0096181292286683288,
  0.0013333450475671058, 0.00015403411522693668, 0.000015310103826812307, 1.3264090271988874e-6
]

const polynomial = (x: Code, [first, ...rest]: ReadonlyArray<number>): Code =>
  rest.length === 0 ? all(first) : add(all(first), mul(x, polynomial(x, rest)))

const rootOfHalfBits = 0x3fe6a09e667f3bcdn
/** The bits of 2^52: an integer below that, in the low bits, is a double with 2^52 added. */
const magicBits = 0x4330000000000000n
const exponentMask = -(1n << 52n)

/** log2 of a positive double of the range of f32, subnormal ones included; `-Infinity` of 0, `Infinity` and NaN of themselves. */
const log2 = (name: Name, x: Code): Code => {
  // Biased by 2^11, so that exponents are positive.
  const shifted = name(i64x2.sub(x, i64x2.all(rootOfHalfBits)))
  const biased = i64x2.add(i64x2.shrS(shifted, i32.const(52)), i64x2.all(2048n))
  const k = sub(v128.or(biased, i64x2.all(magicBits)), all(2 ** 52 + 2048))
  const m = name(sub(i64x2.sub(x, v128.and(shifted, i64x2.all(exponentMask))), all(1)))
  const s = name(div(m, add(m, all(2))))
  const value = name(add(k, mul(s, polynomial(name(mul(s, s)), log2OfRatio))))
  const atZero = pick(f64x2.eq(x, all(0)), all(-Infinity), value)
  return pick(f64x2.lt(x, all(Infinity)), atZero, x)
}

/** `2^p`, 0 and infinity in f32 beyond 160. */
const exp2 = (name: Name, p0: Code): Code => {
  const p = name(f64x2.pmax(f64x2.pmin(p0, all(160)), all(-160)))
  const n = name(f64x2.nearest(p))
  const shifted = add(n, all(1.5 * 2 ** 52))
  const scale = i64x2.add(i64x2.shl(shifted, i32.const(52)), i64x2.all(1023n << 52n))
  return mul(polynomial(name(sub(p, n)), exp2OfRest), scale)
}

/** Adds `(x, y) -> x^y`, all v128, to a module. */
export const addPower = (draft: ModuleDraft): Callee =>
  draft.add({
    params: ['v128', 'v128'],
    results: ['v128'],
    body: (scope) =>
      straight(scope, (name) => {
        const [x, y] = scope.params
        const size = name(f32x4.abs(x))
        const halves = [(v: Code) => v, (v: Code) => i8x16.shuffle(v, v, highHalf)].map((half) => {
          const exponent = mul(f64x2.promoteLowF32x4(half(y)), log2(name, name(f64x2.promoteLowF32x4(half(size)))))
          return name(f32x4.demoteF64x2Zero(exp2(name, exponent)))
        })
        const value = i8x16.shuffle(halves[0], halves[1], lowHalves)
        const isWhole = name(f32x4.eq(f32x4.floor(y), y))
        const half = name(f32x4.mul(y, f32x4.all(0.5)))
        const isOdd = v128.andnot(isWhole, f32x4.eq(f32x4.floor(half), half))
        const sign = v128.and(v128.and(x, isOdd), i32x4.all(1 << 31))
        // Of a negative number only whole powers exist; infinity and 0 have the others, too.
        const isFinite = v128.and(f32x4.lt(x, f32x4.all(0)), f32x4.gt(x, f32x4.all(-Infinity)))
        const signed = v128.or(v128.or(value, sign), v128.andnot(isFinite, isWhole))
        // Whatever the other is, NaN too; and powers of -1 never leave the circle.
        const isOne = v128.or(f32x4.eq(y, f32x4.all(0)), f32x4.eq(x, f32x4.all(1)))
        const turns = v128.and(f32x4.eq(x, f32x4.all(-1)), f32x4.eq(f32x4.abs(y), f32x4.all(Infinity)))
        return pick(v128.or(isOne, turns), f32x4.all(1), signed)
      })
  })
