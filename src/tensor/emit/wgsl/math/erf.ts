/**
 * The error function: a rational function of `x` up to beyond where it rounds to 1, as XLA's `ErfImpl32` has it
 * (https://github.com/openxla/xla, Apache License 2.0).
 */

import { polynomial, type Functions } from './source.js'

const numerator = [
  -1.60960333262415e-2, -2.95459980854025e-3, -7.34990630326855e-4, -5.69250639462346e-5, -2.10102402082508e-6,
  2.77068142495902e-8, -2.72614225801306e-10
]

const denominator = [
  -1.42647390514189e-2, -7.37332916720468e-3, -1.68282697438203e-3, -2.13374055278905e-4, -1.45660718464996e-5
]

export const errorFunction: Functions = {
  /** From 3.8325068 on the error function is nearer to 1 than to any other f32; the quotient is there to within its bound, up to 4. */
  pe_erf: `
fn pe_erf(x: f32) -> f32 {
  let a = min(pe_abs(x), 4f);
  let z = a * a;
  let quotient = min(a * (${polynomial('z', numerator)} / ${polynomial('z', denominator)}), 1f);
  let value = select(quotient, 1f, pe_size(x) >= 0x40800000u);
  return select(pe_signed(value, x), x, pe_is_nan(x));
}`
}
