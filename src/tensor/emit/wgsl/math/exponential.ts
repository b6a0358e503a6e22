/**
 * The exponential and what is made of it.
 *
 * `x = n ln 2 + r` with `|r| <= ln(2) / 2` (Cody and Waite's reduction: `ln 2` in two parts, the first short enough that its multiples
 * are exact, the second times `n` in integers), `e^r - 1 = r + r^2 q(r)` with a minimax polynomial `q` (error below 2^-26 |r|), and
 * powers of two by their bits. Results below 2^-126 may be flushed to zero.
 */

import { float, polynomial, type Functions } from './source.js'

const expm1Rest = [0.5000000063, 0.1666654205, 0.04166627901, 0.008366710732, 0.001394667371]

export const ln2High = 0.693359375

/** `n (ln 2 - ln2High)` for an integer `n` of at most nine bits: the integer product has 31 bits. */
export const ln2Rest = (n: string): string =>
  `f32(${n} * (${Math.round((Math.LN2 - ln2High) * 2 ** 34)})) * ${float(2 ** -34)}`

/** Declares `n` and `r`. */
const reduced = (x: string): string => `
  let whole = floor(${x} * ${float(Math.LOG2E)} + 0.5f);
  let n = i32(whole);
  let r = (${x} - whole * ${float(ln2High)}) - ${ln2Rest('n')};`

const less = `r + (r * r) * ${polynomial('r', expm1Rest)}`

export const exponential: Functions = {
  /** \`e^x\` of x in [-104, 89]: 0 at one end, infinity at the other. One power of two alone may be beyond the range. */
  pe_exp_within: `
fn pe_exp_within(x: f32) -> f32 {${reduced('x')}
  let half = n >> 1u;
  return ((${less}) + 1f) * pe_power_of_two(half) * pe_power_of_two(n - half);
}`,

  pe_exp: `
fn pe_exp(x: f32) -> f32 {
  return select(pe_exp_within(clamp(x, -104f, 89f)), x, pe_is_nan(x));
}`,

  /** \`2^n (e^r - 1) + (2^n - 1)\`, below the second power of two; \`x\` itself where its square is beyond the last place. */
  pe_expm1: `
fn pe_expm1(x: f32) -> f32 {
  let inside = clamp(x, -18f, 89f);${reduced('inside')}
  let half = n >> 1u;
  let scale = pe_power_of_two(half);
  let value = (scale * (${less}) + (scale - pe_power_of_two(half - n))) * pe_power_of_two(n - half);
  return select(pe_signed(value, x), x, pe_size(x) < 0x33000000u || pe_is_nan(x));
}`,

  /** \`(e^2a - 1) / (e^2a + 1)\` with \`a = |x|\`; 1 from 9.5 on, and never beyond, whatever the division. */
  pe_tanh: `
fn pe_tanh(x: f32) -> f32 {
  let twice = clamp(2f * pe_abs(x), 0f, 20f);${reduced('twice')}
  let scale = pe_power_of_two(n);
  let below = scale * (${less}) + (scale - 1f);
  let value = select(min(below / (below + 2f), 1f), 1f, pe_size(x) >= 0x41180000u);
  return select(pe_signed(value, x), x, pe_size(x) < 0x33000000u || pe_is_nan(x));
}`,

  /** \`e^x / (1 + e^x)\`; 1 from 18 on, and never beyond. */
  pe_sigmoid: `
fn pe_sigmoid(x: f32) -> f32 {
  let e = pe_exp_within(clamp(x, -104f, 30f));
  return select(select(min(e / (e + 1f), 1f), 1f, bitcast<i32>(x) >= 0x41900000), x, pe_is_nan(x));
}`
}
