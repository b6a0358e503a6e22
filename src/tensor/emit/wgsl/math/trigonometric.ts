/**
 * Sine and cosine, for every finite argument.
 *
 * `x = n pi / 2 + r` with `|r| <= pi / 4`. Below pi / 4 `r` is `x`; beyond, it comes from as many bits of `2 / pi` as the exponent of
 * `x` leads to (Payne and Hanek), in integers up to its one rounding. Minimax polynomials then give the sine and the cosine of `r`.
 */

import { polynomial, word, type Functions } from './source.js'

const sineRest = [-0.1666665487, 0.008332173544, -0.0001951665581]
const cosineRest = [0.04166664675, -0.001388736146, 2.443773129e-5]

/** A word of zeros, then the bits of `2 / pi` after the point: as many as the largest exponent needs. */
const twoOverPi = [0, 0xa2f9836e, 0x4e441529, 0xfc2757d1, 0xf534ddc0, 0xdb629599, 0x3c439041, 0xfe5163ab]

/** The 32 bits that begin `by` bits into a word. */
const window = (i: number): string => `(words[at + ${i}u] << by) | ((words[at + ${i + 1}u] >> 1u) >> (31u - by))`

export const trigonometric: Functions = {
  /**
   * The quarters of a turn that are nearest to \`|x|\`, modulo 4, and the bits of what is left, in radians; of a finite f32 of pi / 4
   * or more, by its bits.
   *
   * \`|x| = M 2^e\`, and of \`2^e * 2 / pi\` only what lies below 4 matters: 96 bits of it, times the 24 of \`M\`, are good to 2^-60. The
   * f32 that is nearest to a multiple of pi / 2 leaves 2^-29.
   */
  pe_quarters: `
fn pe_quarters(size: u32) -> vec2<u32> {
  var words = array<u32, 8>(${twoOverPi.map(word).join(', ')});
  // Bit 0 of the windows is worth 2.
  let first = max(size >> 23u, 120u) - 120u;
  let by = first & 31u;
  let at = min(first >> 5u, 4u);
  let significand = (size & 0x7fffffu) | 0x800000u;
  let second = ${window(1)};
  let low = significand * second;
  let lower = low + pe_upper(significand, ${window(2)});
  let carry = select(0u, 1u, lower < low);
  let upper = significand * (${window(0)}) + pe_upper(significand, second) + carry;
  // The turn as a fixed-point number, two bits before the point: the nearest whole number, and the rest with its sign.
  let quarters = (upper + 0x20000000u) >> 30u;
  let rest = upper - (quarters << 30u);
  let isNegative = rest >= 0x80000000u;
  let high = select(rest, ~rest + select(0u, 1u, lower == 0u), isNegative);
  let tail = select(lower, ~lower + 1u, isNegative);
  let zeros = countLeadingZeros(high);
  let shift = zeros & 31u;
  let top = select((high << shift) | ((tail >> 1u) >> (31u - shift)), tail, zeros == 32u);
  // Times pi / 2, of which 31 bits stand after the point.
  let radians = pe_upper(top, ${word(Math.round((Math.PI / 2) * 2 ** 31))});
  let value = pe_f32_of_u32(radians) * pe_power_of_two(-29 - i32(zeros));
  return vec2<u32>(quarters, bitcast<u32>(value) | (select(0u, 1u, isNegative) << 31u));
}`,

  /** The sine of \`x\` with \`added\` quarters of a turn added first. */
  pe_sine: `
fn pe_sine(x: f32, added: u32) -> f32 {
  let size = pe_size(x);
  let turn = select(pe_quarters(size), vec2<u32>(0u, size), size < 0x3f490fdbu);
  let isNegative = bitcast<u32>(x) >> 31u;
  let quarters = select(turn.x, 0u - turn.x, isNegative == 1u) + added;
  let r = bitcast<f32>(turn.y ^ (isNegative << 31u));
  let z = r * r;
  let sine = r + (r * z) * ${polynomial('z', sineRest)};
  let cosine = (1f - z * 0.5f) + (z * z) * ${polynomial('z', cosineRest)};
  let value = bitcast<u32>(select(cosine, sine, (quarters & 1u) == 0u)) ^ ((quarters & 2u) << 30u);
  return bitcast<f32>(select(value, 0x7fc00000u, size >= 0x7f800000u));
}`,

  pe_sin: `
fn pe_sin(x: f32) -> f32 {
  return select(pe_sine(x, 0u), x, pe_size(x) < 0x39000000u);
}`,

  pe_cos: `
fn pe_cos(x: f32) -> f32 {
  return pe_sine(x, 1u);
}`
}
