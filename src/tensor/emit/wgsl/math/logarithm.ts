/**
 * The logarithm and what is made of it.
 *
 * `x = 2^k (1 + m)` with `1 + m` between the square roots of 1/2 and 2. With `s = m / (2 + m)` and `z = s^2`,
 * `ln(1 + m) = 2 s + s z q(z)`, `q` a minimax polynomial, in the order of FreeBSD's `logf`, which loses nothing near 1:
 * `2 s = m - m^2 / 2 + s m^2 / 2`.
 */

import { ln2High, ln2Rest } from './exponential.js'
import { float, polynomial, type Functions } from './source.js'

/** For `m` between the square roots, less 1: relative error of the logarithm below 2^-30. */
const nearOne = [0.6666677672, 0.3997749538, 0.2987307787]

/** For `m` in [0, 1]: below 2^-27. */
const upToTwo = [0.6666641314, 0.4002169876, 0.2799914575, 0.2802443896]

/** Declares `halfSquare` and `plus`: `ln(1 + m)` is `m` less the first and plus the second. */
const correction = (q: ReadonlyArray<number>): string => `
  let s = m / (m + 2f);
  let z = s * s;
  let halfSquare = (m * m) * 0.5f;
  let plus = s * (halfSquare + z * ${polynomial('z', q)});`

/** Declares `k` and `m` of a positive normal number, by its bits. */
const split = (bits: string): string => `
  let shifted = ${bits} - 0x3f3504f3;
  let k = shifted >> 23u;
  let m = bitcast<f32>(${bits} - (shifted & i32(-0x800000))) - 1f;`

export const logarithm: Functions = {
  /** \`k ln 2 + ln(1 + m)\`, with the small parts first; \`more\` is another. */
  pe_log_of: `
fn pe_log_of(k: i32, m: f32, more: f32) -> f32 {${correction(nearOne)}
  let small = plus + (${ln2Rest('k')} + more);
  return f32(k) * ${float(ln2High)} - ((halfSquare - small) - m);
}`,

  /** Infinity and NaN as they are, NaN below 0. A subnormal number is its bits, read as an integer, times 2^-149. */
  pe_log: `
fn pe_log(x: f32) -> f32 {
  let bits = bitcast<i32>(x);
  let isTiny = bits < 0x800000;
  let normal = select(bits, bitcast<i32>(f32(bits & 0x7fffff)), isTiny);${split('normal')}
  let value = pe_log_of(select(k, k - 149, isTiny), m, 0f);
  let positive = select(value, x, bits >= 0x7f800000);
  let nonpositive = select(pe_float(0x7fc00000u), pe_float(0xff800000u), pe_size(x) == 0u);
  return select(positive, nonpositive, bits <= 0);
}`,

  /**
   * Between the square roots \`m\` is \`x\`. Beyond, \`u\` is the leading bits of \`1 + x\` (to cut them off hides from compilers that
   * \`u - 1\` would be \`x\`), and \`ln(1 + x)\` is \`ln u + (x - (u - 1)) / u\` to first order, the next being below 2^-38. \`x\` itself
   * where its square is beyond the last place.
   */
  pe_log1p: `
fn pe_log1p(x: f32) -> f32 {
  let bits = bitcast<i32>(1f + x) & i32(-16);${split('bits')}
  let u = bitcast<f32>(bits);
  let lost = (x - (u - 1f)) / u;
  let isNear = k == 0;
  let value = pe_log_of(k, select(m, x, isNear), select(lost, 0f, isNear));
  let size = pe_size(x);
  let isOwn = size < 0x33000000u || size > 0x7f800000u || bitcast<u32>(x) == 0x7f800000u;
  let beyond = select(pe_float(0x7fc00000u), pe_float(0xff800000u), size == 0x3f800000u);
  return select(select(pe_signed(value, x), beyond, bitcast<u32>(x) >= 0xbf800000u), x, isOwn);
}`,

  /** \`max(x, 0) + ln(1 + e^-|x|)\`. */
  pe_softplus: `
fn pe_softplus(x: f32) -> f32 {
  let m = pe_exp_within(max(-pe_abs(x), -104f));${correction(upToTwo)}
  return select(max(x, 0f) + (m - (halfSquare - plus)), x, pe_is_nan(x));
}`
}
