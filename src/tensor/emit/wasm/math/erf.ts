/**
 * The error function on four lanes of f32: a rational function of `x` up to where it rounds to 1, as XLA's
 * `ErfImpl32` has it (https://github.com/openxla/xla, Apache License 2.0), and 1 from there on.
 */

import { f32x4, type Code, type Scope } from '../assembler.js'
import { atMost, pick, polynomial, signedAs, straight } from './straight.js'

const { mul, div } = f32x4

const numerator = [
  -1.60960333262415e-2, -2.95459980854025e-3, -7.34990630326855e-4, -5.69250639462346e-5, -2.10102402082508e-6,
  2.77068142495902e-8, -2.72614225801306e-10
]

const denominator = [
  -1.42647390514189e-2, -7.37332916720468e-3, -1.68282697438203e-3, -2.13374055278905e-4, -1.45660718464996e-5
]

/** From here on the error function is nearer to 1 than to any other f32. */
const one = 3.8325068

export const erf = (scope: Scope, x0: Code): Code =>
  straight(scope, (name) => {
    const given = name(x0)
    const size = name(f32x4.abs(given))
    const a = name(atMost(size, one))
    const z = name(mul(a, a))
    // Rounding errors may lead beyond 1, and at the end they stay below.
    const within = atMost(mul(a, div(polynomial(name, z, numerator), polynomial(name, z, denominator))), 1)
    return signedAs(given, pick(f32x4.ge(size, f32x4.all(one)), f32x4.all(1), within))
  })
