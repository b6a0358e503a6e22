/**
 * `x^y`: `2^(y log2 |x|)`, the logarithm in two f32, as FreeBSD's `powf` has it.
 *
 * `|x| = 2^n a`, and `a` lies within a factor of `sqrt(3/2)` or so of `b`, 1 or 3/2. With `s = (a - b) / (a + b)`,
 * `ln(a / b) = 2 s + (2/3) s^3 (1 + ...)`. Leading parts are cut off by masks: their products are exact, and what they leave out is
 * found by subtraction. Copyright of `e_powf.c` (1993) by Sun Microsystems, which permits use and modification with this notice.
 */

import { float, polynomial, type Functions } from './source.js'

/** `s^2`'s polynomial: `s^4` times it follows the term in `s^3`, all times 3/2 `s`. */
const rest = [0.6, 0.42857143283, 0.33333334327, 0.27272811532, 0.23066075146, 0.20697501302]

/** `2 / (3 ln 2)`, in two parts. */
const scale = 2 / (3 * Math.LN2)
const scaleHigh = 0.9619140625

/** `log2(3/2)`, in two parts. */
const offsetHigh = 0.5849609375
const offsetLow = 1.5632206511561867e-6

const fraction = [0.5000000063, 0.1666654205, 0.04166627901, 0.008366710732, 0.001394667371]

export const power: Functions = {
  /** log2 of a positive normal number \`2^(n - above) ...\` by its bits: the leading 12 bits, and the rest. */
  pe_log2: `
fn pe_log2(bits: i32, above: i32) -> vec2<f32> {
  let digits = bits & 0x7fffff;
  let isHigh = digits > 0x5db3d6;
  let isMiddle = digits > 0x1cc471 && !isHigh;
  let n = (bits >> 23u) - 127 - above + select(0, 1, isHigh);
  let a = bitcast<f32>(digits | select(0x3f800000, 0x3f000000, isHigh));
  let b = select(1f, 1.5f, isMiddle);
  let u = a - b;
  let v = 1f / (a + b);
  let s = u * v;
  let sHigh = pe_leading(s);
  let sumHigh = pe_leading(a + b);
  let sumLow = a - (sumHigh - b);
  let sLow = v * ((u - sHigh * sumHigh) - sHigh * sumLow);
  let square = s * s;
  let r = (square * square) * ${polynomial('square', rest)} + sLow * (sHigh + s);
  let squareHigh = sHigh * sHigh;
  let tHigh = pe_leading(3f + squareHigh + r);
  let tLow = r - ((tHigh - 3f) - squareHigh);
  let pLeft = sHigh * tHigh;
  let pRight = sLow * tHigh + tLow * s;
  let pHigh = pe_leading(pLeft + pRight);
  let pLow = pRight - (pHigh - pLeft);
  let zHigh = ${float(scaleHigh)} * pHigh;
  let zLow = ${float(scale - scaleHigh)} * pHigh + pLow * ${float(scale)} + select(0f, ${float(offsetLow)}, isMiddle);
  let whole = f32(n);
  let offset = select(0f, ${float(offsetHigh)}, isMiddle);
  let high = pe_leading(((zHigh + zLow) + offset) + whole);
  return vec2<f32>(high, zLow - (((high - whole) - offset) - zHigh));
}`,

  /** \`2^(high + low)\`. */
  pe_exp2: `
fn pe_exp2(high: f32, low: f32) -> f32 {
  let whole = floor((high + low) + 0.5f);
  let n = i32(whole);
  let r = ((high - whole) + low) * ${float(Math.LN2)};
  let half = n >> 1u;
  return ((r + (r * r) * ${polynomial('r', fraction)}) + 1f) * pe_power_of_two(half) * pe_power_of_two(n - half);
}`,

  /** Of a positive finite \`x\`. Beyond 2^40 an exponent leads out of the range of f32, or \`x\` is 1. */
  pe_pow_of: `
fn pe_pow_of(x: f32, y: f32) -> f32 {
  let bits = bitcast<i32>(x);
  let isTiny = bits < 0x800000;
  let log2 = pe_log2(select(bits, bitcast<i32>(f32(bits)), isTiny), select(0, 149, isTiny));
  let exponent = clamp(y, -1099511627776f, 1099511627776f);
  let first = pe_leading(exponent);
  let high = first * log2.x;
  let low = (exponent - first) * log2.x + exponent * log2.y;
  let sum = high + low;
  let isWithin = abs(sum) < 160f;
  return pe_exp2(select(clamp(sum, -160f, 160f), high, isWithin), select(0f, low, isWithin));
}`,

  /** Whether an f32 is a whole number, and whether an odd one: bits 0 and 1. */
  pe_parity: `
fn pe_parity(y: f32) -> u32 {
  let size = pe_size(y);
  let exponent = i32(size >> 23u) - 127;
  // What is behind the point, and the last bit before it.
  let shift = u32(clamp(23 - exponent, 0, 24));
  let significand = (size & 0x7fffffu) | 0x800000u;
  let isWhole = size == 0u || (exponent >= 0 && (significand & ((1u << shift) - 1u)) == 0u);
  let isOdd = exponent >= 0 && exponent <= 23 && isWhole && ((significand >> shift) & 1u) == 1u;
  return select(0u, 1u, isWhole) | select(0u, 2u, isOdd);
}`,

  pe_pow: `
fn pe_pow(x: f32, y: f32) -> f32 {
  let size = pe_size(x);
  let parity = pe_parity(y);
  let isDown = bitcast<i32>(y) < 0;
  let isEndless = pe_size(y) == 0x7f800000u;
  // Of 0 and of infinity, and of all others but 1 to an infinite power.
  let isLarge = select(size > 0x3f800000u, size == 0x7f800000u, !isEndless);
  let end = select(0f, pe_float(0x7f800000u), isLarge != isDown);
  let isEnd = size == 0u || size == 0x7f800000u || isEndless;
  let value = select(pe_pow_of(pe_abs(x), y), end, isEnd);
  let isNegative = bitcast<i32>(x) < 0;
  let signed = select(value, pe_neg(value), isNegative && (parity & 2u) != 0u);
  // Of a negative number only whole powers exist; infinity and 0 have the others, too.
  let isOutside = isNegative && !isEnd && (parity & 1u) == 0u;
  let isNone = isOutside || pe_is_nan(x) || pe_is_nan(y);
  // Whatever the other is, NaN too; and powers of -1 never leave the circle.
  let isOne = pe_size(y) == 0u || bitcast<u32>(x) == 0x3f800000u || (size == 0x3f800000u && isEndless);
  return select(select(signed, pe_float(0x7fc00000u), isNone), 1f, isOne);
}`
}
