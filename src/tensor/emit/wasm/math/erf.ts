/**
 * The error function on four lanes of f32: a rational function of `x` up to beyond where it rounds to 1, as XLA's
 * `ErfImpl32` has it (https://github.com/openxla/xla, Apache License 2.0).
 */

import type { Code, Scope } from '../assembler.js'
import { div, mul } from '../assembler/f32x4.js'
import { atLeast, atMost, polynomial, straight } from './straight.js'

const numerator = [
  -1.60960333262415e-2, -2.95459980854025e-3, -7.34990630326855e-4, -5.69250639462346e-5, -2.10102402082508e-6,
  2.77068142495902e-8, -2.72614225801306e-10
]

const denominator = [
  -1.42647390514189e-2, -7.37332916720468e-3, -1.68282697438203e-3, -2.13374055278905e-4, -1.45660718464996e-5
]

/**
 * From 3.8325068 on the error function is nearer to 1 than to any other f32, but there the roundings of the quotient stay below that;
 * here they lead beyond, so that with what follows all larger arguments give 1.
 */
const one = 4

export const erf = (scope: Scope, x0: Code): Code =>
  straight(scope, (name) => {
    const x = name(atLeast(atMost(x0, one), -one))
    const z = name(mul(x, x))
    // Rounding errors may lead beyond 1.
    return atLeast(atMost(name(mul(x, div(polynomial(name, z, numerator), polynomial(name, z, denominator)))), 1), -1)
  })
