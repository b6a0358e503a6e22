/**
 * Sine and cosine on four lanes of f32, for every finite argument.
 *
 * `x = n pi / 2 + r` with `|r| <= pi / 4`. Up to 2^20 that is done in double precision, with pi / 2 in two parts of which the
 * multiples of the first are exact; beyond, lane by lane, from as many bits of `2 / pi` as the exponent of `x` leads to
 * (Payne and Hanek). Minimax polynomials then give the sine and the cosine of `r`.
 */

import { call, select, set, when, type Callee, type Code, type ModuleDraft } from '../assembler.js'
import * as f32 from '../assembler/f32.js'
import { add, mul, sub } from '../assembler/f32x4.js'
import * as f32x4 from '../assembler/f32x4.js'
import * as f64 from '../assembler/f64.js'
import * as f64x2 from '../assembler/f64x2.js'
import * as i32 from '../assembler/i32.js'
import * as i32x4 from '../assembler/i32x4.js'
import * as i64 from '../assembler/i64.js'
import * as i8x16 from '../assembler/i8x16.js'
import * as v128 from '../assembler/v128.js'
import { highHalf, lowHalves, pick, polynomial, straight } from './straight.js'

const all = f32x4.all

const sineRest = [-0.1666665487, 0.008332173544, -0.0001951665581]
const cosineRest = [0.04166664675, -0.001388736146, 2.443773129e-5]

/** Up to here `n` has 20 bits, and the first part of pi / 2 has 33. */
const largestReduced = 2 ** 20
const halfPiHigh = 1.57079632673412561417
const halfPiLow = 6.07710050650619224932e-11

/** A word of zeros, then the bits of `2 / pi` after the point: as many as the largest exponent needs. */
const twoOverPi = [0, 0xa2f9836e, 0x4e441529, 0xfc2757d1, 0xf534ddc0, 0xdb629599, 0x3c439041, 0xfe5163ab]

const extended = (x: Code): Code => i64.extendI32U(x)

/** Adds `i -> twoOverPi[i]` to a module. */
const addWord = (draft: ModuleDraft): Callee =>
  draft.add({
    params: ['i32'],
    results: ['i32'],
    body: ({ params: [i] }) =>
      twoOverPi
        .slice(1)
        .reduce<Code>((other, word, at) => select(i32.eq(i, i32.const(at + 1)), i32.const(word), other), i32.const(0))
  })

/**
 * Adds `bits -> |x| * 2 / pi modulo 4, times 2^62` to a module, `bits` those of an f32 `x` of size 2^20 or more.
 *
 * `|x| = M 2^e`, and of `2^e * 2 / pi` only what lies below 4 matters: 96 bits of it, times the 24 of `M`, are good to 2^-70.
 */
const addTurns = (draft: ModuleDraft): Callee => {
  const word = addWord(draft)
  return draft.add({
    params: ['i32'],
    results: ['i64'],
    body: ({ params: [bits], local, locals }) => {
      const at = local('i32')
      const [by, significand] = locals('i64', 2)
      const wordAt = (i: number): Code => extended(call(word, i32.add(at, i32.const(i))))
      /** 32 bits that begin `by` bits into a word. */
      const window = (i: number): Code =>
        i64.shrU(i64.shl(i64.or(i64.shl(wordAt(i), i64.const(32n)), wordAt(i + 1)), by), i64.const(32n))
      const exponent = i32.and(i32.shrU(bits, i32.const(23)), i32.const(0xff))
      return [
        // Bit 0 of the windows is worth 2: `e - 2` bits after the point, and a word before it.
        set(at, i32.sub(exponent, i32.const(150 + 2 - 32))),
        set(by, extended(i32.and(at, i32.const(31)))),
        set(at, i32.shrU(at, i32.const(5))),
        set(significand, extended(i32.or(i32.and(bits, i32.const(0x7fffff)), i32.const(0x800000)))),
        i64.add(
          i64.add(i64.shl(i64.mul(significand, window(0)), i64.const(32n)), i64.mul(significand, window(1))),
          i64.shrU(i64.mul(significand, window(2)), i64.const(32n))
        )
      ]
    }
  })
}

export type Trigonometric = { readonly sin: Callee; readonly cos: Callee }

/** Adds `v128 -> v128` functions to a module. */
export const addTrigonometric = (draft: ModuleDraft): Trigonometric => {
  const turns = addTurns(draft)

  /** `quarters` quarters of a turn are added first. */
  const sineAfter = (quarters: number): Callee =>
    draft.add({
      params: ['v128'],
      results: ['v128'],
      body: (scope) => {
        const [x] = scope.params
        const [rest, quadrant] = scope.locals('v128', 2)
        const [turned, whole] = scope.locals('i64', 2)

        const near = straight(scope, (name) => {
          const reduced = [x, i8x16.shuffle(x, x, highHalf)].map((pair) => {
            const y = name(f64x2.promoteLowF32x4(pair))
            const n = name(f64x2.nearest(f64x2.mul(y, f64x2.all(2 / Math.PI))))
            const r = f64x2.sub(f64x2.sub(y, f64x2.mul(n, f64x2.all(halfPiHigh))), f64x2.mul(n, f64x2.all(halfPiLow)))
            return { r: name(f32x4.demoteF64x2Zero(r)), n: name(i32x4.truncSatF64x2SZero(n)) }
          })
          const [low, high] = reduced
          return [
            set(rest, i8x16.shuffle(low.r, high.r, lowHalves)),
            set(quadrant, i8x16.shuffle(low.n, high.n, lowHalves))
          ]
        })

        /** Turns of `|x|`, and so of `x`: a sign changes that of both parts. */
        const far = ([0, 1, 2, 3] as const).map((lane) => {
          const bits = i32x4.extractLane(x, lane)
          const size = f32.abs(f32x4.extractLane(x, lane))
          const isFar = i32.and(f32.gt(size, f32.const(largestReduced)), f32.lt(size, f32.const(Infinity)))
          const angle = f64.mul(f64.convertI64S(turned), f64.const((Math.PI / 2) * 2 ** -62))
          const sign = i32.or(i32.shrS(bits, i32.const(31)), i32.const(1))
          return when(isFar, [
            set(turned, call(turns, bits)),
            set(whole, i64.shrU(i64.add(turned, i64.const(1n << 61n)), i64.const(62n))),
            set(turned, i64.sub(turned, i64.shl(whole, i64.const(62n)))),
            set(rest, f32x4.replaceLane(rest, f32.mul(f32.demoteF64(angle), f32.convertI32S(sign)), lane)),
            set(quadrant, i32x4.replaceLane(quadrant, i32.mul(i32.wrapI64(whole), sign), lane))
          ])
        })

        return [
          near,
          when(v128.anyTrue(f32x4.gt(f32x4.abs(x), all(largestReduced))), far),
          straight(scope, (name) => {
            const q = name(i32x4.add(quadrant, i32x4.all(quarters)))
            const z = name(mul(rest, rest))
            const sine = add(rest, mul(mul(rest, z), polynomial(name, z, sineRest)))
            const cosine = add(sub(all(1), mul(z, all(0.5))), mul(mul(z, z), polynomial(name, z, cosineRest)))
            const isSine = i32x4.eq(v128.and(q, i32x4.all(1)), i32x4.all(0))
            const value = v128.xor(pick(isSine, sine, cosine), i32x4.shl(v128.and(q, i32x4.all(2)), i32.const(30)))
            // The reduction loses the sign of -0, which a sine keeps.
            return quarters === 0 ? pick(f32x4.eq(x, all(0)), x, value) : value
          })
        ]
      }
    })

  return { sin: sineAfter(0), cos: sineAfter(1) }
}
