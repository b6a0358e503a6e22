/**
 * The square root, rounded correctly wherever the builtin is within two units in the last place.
 *
 * `x = M 4^e` with an integer `M` of 47 or 48 bits, whose root is a number of 24 bits. What the square of a guess `s` leaves of `M` is
 * small, so its low 32 bits say it all: `s` is nearest to the root where the rest is above `-s` and at most `s`.
 */

import type { Functions } from './source.js'

/** One unit up or down, where the rest says so. */
const nudge = (k: number): string => `
  let up${k} = rest${k - 1} > s${k - 1};
  let down${k} = rest${k - 1} <= -s${k - 1};
  let s${k} = select(select(s${k - 1}, s${k - 1} - 1, down${k}), s${k - 1} + 1, up${k});
  let rest${k} = select(select(rest${k - 1}, rest${k - 1} + 2 * s${k - 1} - 1, down${k}), rest${k - 1} - 2 * s${k - 1} - 1, up${k});`

export const root: Functions = {
  /** Of a positive normal number, as bits. */
  pe_sqrt_bits: `
fn pe_sqrt_bits(bits: i32) -> i32 {
  let exponent = (bits >> 23u) - 127;
  let isOdd = exponent & 1;
  let significand = (bits & 0x7fffff) | 0x800000;
  let guess = sqrt(bitcast<f32>((bits & 0x7fffff) | ((127 + isOdd) << 23u)));
  let s0 = i32(guess * 8388608f);
  let rest0 = (significand << u32(23 + isOdd)) - s0 * s0;${[1, 2, 3].map(nudge).join('')}
  return s3 + (((exponent >> 1u) + 126) << 23u);
}`,

  /** -0, infinity and NaN as they are, NaN below 0. */
  pe_sqrt: `
fn pe_sqrt(x: f32) -> f32 {
  let bits = bitcast<i32>(x);
  let isTiny = bits < 0x800000;
  // A subnormal number is its bits, read as an integer, times 2^-149; here that becomes 2^-150.
  let normal = select(bits, bitcast<i32>(2f * f32(bits & 0x7fffff)), isTiny);
  let value = bitcast<f32>(pe_sqrt_bits(normal) - select(0, 75 << 23u, isTiny));
  let isOwn = pe_size(x) == 0u || bits >= 0x7f800000;
  return select(select(value, pe_float(0x7fc00000u), bits < 0), x, isOwn);
}`,

  /** An infinity of its sign of 0, NaN below. */
  pe_rsqrt: `
fn pe_rsqrt(x: f32) -> f32 {
  let size = pe_size(x);
  let value = select(1f / pe_sqrt(x), pe_sqrt(x), pe_is_nan(x) || (bitcast<i32>(x) < 0 && size > 0u));
  return select(select(value, 0f, bitcast<u32>(x) == 0x7f800000u), pe_signed(pe_float(0x7f800000u), x), size == 0u);
}`
}
