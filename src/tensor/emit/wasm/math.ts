/**
 * The f32 functions on four lanes, expanded in line.
 *
 * Cody and Waite's reduction of the argument and polynomials of Cephes (S. Moshier, https://www.netlib.org/cephes/), erf as XLA's
 * `ErfImpl32` (Apache License 2.0). Good to a few units in the last place where that matters to training; sine and cosine for
 * arguments below about 10^4, `pow` as `exp(y log x)`, for positive x.
 */

import type { Unary } from '../../elementwise.js'
import { f32x4, get, i32, i32x4, set, v128, type Code, type ModuleDraft, type Scope } from './assembler.js'

export type FloatUnary = Exclude<Unary, 'not'>
export type MathLibrary = {
  /** Expands `fn` of the f32x4 `x`, which is evaluated once. */
  readonly unary: (fn: FloatUnary, scope: Scope, x: Code) => Code
  /** `x^y` of each lane. */
  readonly pow: (scope: Scope, x: Code, y: Code) => Code
}

const c = (v: number): Code => f32x4.all(v)
const { add, sub, mul, div } = f32x4
const horner = (x: Code, coefficients: ReadonlyArray<number>): Code =>
  coefficients.slice(1).reduce<Code>((p, a) => add(mul(p, x), c(a)), c(coefficients[0]))
const named = (scope: Scope, value: Code, body: (x: Code) => Code): Code => {
  const l = scope.local('v128')
  return [set(l, value), body(get(l))]
}
const pick = (mask: Code, a: Code, b: Code): Code => v128.bitselect(a, b, mask)
const signBit = i32x4.all(-(2 ** 31))

const exp = (s: Scope, x0: Code): Code =>
  named(s, f32x4.max(f32x4.min(x0, c(89)), c(-104)), (x) =>
    named(s, f32x4.nearest(mul(x, c(Math.LOG2E))), (n) =>
      named(s, sub(sub(x, mul(n, c(0.693359375))), mul(n, c(-2.1219444e-4))), (r) =>
        named(s, i32x4.truncSatF32x4S(n), (e) =>
          named(s, i32x4.shrS(e, i32.const(1)), (half) =>
            mul(
              mul(
                add(
                  add(
                    mul(
                      horner(
                        r,
                        [
                          1.98756915e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1,
                          5.0000001201e-1
                        ]
                      ),
                      mul(r, r)
                    ),
                    r
                  ),
                  c(1)
                ),
                i32x4.shl(i32x4.add(half, i32x4.all(127)), i32.const(23))
              ),
              i32x4.shl(i32x4.add(i32x4.sub(e, half), i32x4.all(127)), i32.const(23))
            )
          )
        )
      )
    )
  )

const log = (s: Scope, x0: Code): Code =>
  named(s, x0, (x) =>
    named(s, f32x4.lt(x, c(2 ** -126)), (tiny) =>
      named(s, pick(tiny, mul(x, c(2 ** 23)), x), (y) =>
        named(s, i32x4.sub(i32x4.add(y, i32x4.all(0x4afb0d)), i32x4.all(0x3f800000)), (shifted) =>
          named(s, sub(f32x4.convertI32x4S(i32x4.shrS(shifted, i32.const(23))), v128.and(tiny, c(23))), (e) =>
            named(s, sub(i32x4.sub(y, v128.and(shifted, i32x4.all(-(2 ** 23)))), c(1)), (m) =>
              named(s, mul(m, m), (z) =>
                named(
                  s,
                  add(
                    add(
                      m,
                      sub(
                        add(
                          mul(
                            mul(
                              horner(
                                m,
                                [
                                  7.0376836292e-2, -1.151461031e-1, 1.167699874e-1, -1.2420140846e-1, 1.4249322787e-1,
                                  -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1
                                ]
                              ),
                              m
                            ),
                            z
                          ),
                          mul(e, c(-2.1219444e-4))
                        ),
                        mul(z, c(0.5))
                      )
                    ),
                    mul(e, c(0.693359375))
                  ),
                  (r) =>
                    pick(
                      f32x4.eq(x, c(0)),
                      c(-Infinity),
                      pick(f32x4.lt(x, c(Infinity)), pick(f32x4.lt(x, c(0)), c(NaN), r), x)
                    )
                )
              )
            )
          )
        )
      )
    )
  )

const log1p = (s: Scope, x0: Code): Code =>
  named(s, x0, (x) =>
    named(s, add(x, c(1)), (u) =>
      named(s, log(s, u), (l) =>
        pick(
          f32x4.eq(u, c(1)),
          x,
          pick(v128.and(f32x4.lt(x, c(1e30)), f32x4.gt(u, c(0))), mul(l, div(x, sub(u, c(1)))), l)
        )
      )
    )
  )

const expm1 = (s: Scope, x0: Code): Code =>
  named(s, x0, (x) =>
    pick(
      f32x4.lt(f32x4.abs(x), c(0.5)),
      add(x, mul(mul(x, x), horner(x, [1 / 40320, 1 / 5040, 1 / 720, 1 / 120, 1 / 24, 1 / 6, 0.5]))),
      sub(exp(s, x), c(1))
    )
  )

const tanh = (s: Scope, x0: Code): Code =>
  named(s, x0, (x) =>
    named(s, f32x4.abs(x), (a) =>
      named(s, mul(x, x), (z) =>
        pick(
          f32x4.lt(a, c(0.625)),
          add(
            x,
            mul(
              mul(x, z),
              horner(z, [-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1])
            )
          ),
          v128.or(v128.and(x, signBit), sub(c(1), div(c(2), add(exp(s, add(a, a)), c(1)))))
        )
      )
    )
  )

const erf = (s: Scope, x0: Code): Code =>
  named(s, f32x4.max(f32x4.min(x0, c(4)), c(-4)), (x) =>
    named(s, mul(x, x), (z) =>
      div(
        mul(
          x,
          horner(
            z,
            [
              -2.72614225801306e-10, 2.77068142495902e-8, -2.10102402082508e-6, -5.69250639462346e-5,
              -7.34990630326855e-4, -2.95459980854025e-3, -1.60960333262415e-2
            ]
          )
        ),
        horner(
          z,
          [-1.45660718464996e-5, -2.13374055278905e-4, -1.68282697438203e-3, -7.37332916720468e-3, -1.42647390514189e-2]
        )
      )
    )
  )

const sinCos = (s: Scope, x0: Code, quarter: number): Code =>
  named(s, x0, (x) =>
    named(s, f32x4.nearest(mul(x, c(2 / Math.PI))), (n) =>
      named(s, sub(sub(sub(x, mul(n, c(1.5703125))), mul(n, c(4.83751296997e-4))), mul(n, c(7.54978995489e-8))), (r) =>
        named(s, mul(r, r), (z) =>
          named(s, i32x4.add(i32x4.truncSatF32x4S(n), i32x4.all(quarter)), (q) =>
            v128.xor(
              pick(
                i32x4.eq(v128.and(q, i32x4.all(1)), i32x4.all(0)),
                add(r, mul(mul(r, z), horner(z, [-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1]))),
                add(
                  sub(c(1), mul(z, c(0.5))),
                  mul(mul(z, z), horner(z, [2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2]))
                )
              ),
              i32x4.shl(v128.and(q, i32x4.all(2)), i32.const(30))
            )
          )
        )
      )
    )
  )

const unary = (fn: FloatUnary, s: Scope, x: Code): Code => {
  switch (fn) {
    case 'neg':
      return f32x4.neg(x)
    case 'abs':
      return f32x4.abs(x)
    case 'floor':
      return f32x4.floor(x)
    case 'sqrt':
      return f32x4.sqrt(x)
    case 'rsqrt':
      return div(c(1), f32x4.sqrt(x))
    case 'sign':
      return named(s, x, (v) =>
        pick(v128.or(f32x4.eq(v, c(0)), f32x4.ne(v, v)), v, v128.or(v128.and(v, signBit), c(1)))
      )
    case 'exp':
      return exp(s, x)
    case 'expm1':
      return expm1(s, x)
    case 'log':
      return log(s, x)
    case 'log1p':
      return log1p(s, x)
    case 'sin':
      return sinCos(s, x, 0)
    case 'cos':
      return sinCos(s, x, 1)
    case 'tanh':
      return tanh(s, x)
    case 'erf':
      return erf(s, x)
    case 'sigmoid':
      return div(c(1), add(c(1), exp(s, f32x4.neg(x))))
    case 'softplus':
      return named(s, x, (v) => add(f32x4.max(v, c(0)), log1p(s, exp(s, f32x4.neg(f32x4.abs(v))))))
  }
}

export const mathLibrary = (_: ModuleDraft): MathLibrary => ({
  unary,
  pow: (s, x0, y0) => named(s, x0, (x) => named(s, y0, (y) => pick(f32x4.eq(y, c(0)), c(1), exp(s, mul(y, log(s, x))))))
})
