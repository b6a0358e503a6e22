/** What the bits of an f32 say. All of it is exact: no floating-point instruction looks at the number. */

import { word, type Functions } from './source.js'

export const bits: Functions = {
  /** For constants that are no literals, infinities say. A call is no constant expression, so compilers of WGSL take any. */
  pe_float: `
fn pe_float(bits: u32) -> f32 {
  return bitcast<f32>(bits);
}`,

  /** The bits without the sign: they order as the sizes do, and NaN is above infinity. */
  pe_size: `
fn pe_size(x: f32) -> u32 {
  return bitcast<u32>(x) & 0x7fffffffu;
}`,

  pe_is_nan: `
fn pe_is_nan(x: f32) -> bool {
  return pe_size(x) > 0x7f800000u;
}`,

  /** \`size\` with the sign of \`x\` added. */
  pe_signed: `
fn pe_signed(size: f32, x: f32) -> f32 {
  return bitcast<f32>(bitcast<u32>(size) | (bitcast<u32>(x) & 0x80000000u));
}`,

  /** The leading 12 bits: products of two such are exact. */
  pe_leading: `
fn pe_leading(x: f32) -> f32 {
  return bitcast<f32>(bitcast<u32>(x) & ${word(0xfffff000)});
}`,

  pe_neg: `
fn pe_neg(x: f32) -> f32 {
  return bitcast<f32>(bitcast<u32>(x) ^ 0x80000000u);
}`,

  pe_abs: `
fn pe_abs(x: f32) -> f32 {
  return bitcast<f32>(pe_size(x));
}`,

  pe_sign: `
fn pe_sign(x: f32) -> f32 {
  return select(pe_signed(1f, x), x, pe_size(x) == 0u || pe_is_nan(x));
}`,

  /** The nearest f16, of two the even one: infinity from 65520 on, and below 2^-14 multiples of 2^-24. */
  pe_half: `
fn pe_half(x: f32) -> f32 {
  let size = pe_size(x);
  let least = max(size, 0x33800000u);
  let drop = 126u - (min(least, 0x38800000u) >> 23u);
  let nearest = ((least + (1u << (drop - 1u)) - 1u + ((least >> drop) & 1u)) >> drop) << drop;
  let finite = select(nearest, 0u, size <= 0x33000000u);
  let rounded = select(finite, 0x7f800000u, finite >= 0x47800000u);
  return pe_signed(bitcast<f32>(select(rounded, 0x7fc00000u, size > 0x7f800000u)), x);
}`,

  /** The greatest whole number of at most \`x\`: by sign alone below 1, where a device may take a small one for 0. */
  pe_floor: `
fn pe_floor(x: f32) -> f32 {
  let size = pe_size(x);
  let small = select(pe_signed(0f, x), -1f, bitcast<u32>(x) > 0x80000000u);
  return select(select(floor(x), small, size < 0x3f800000u), x, size >= 0x4b000000u);
}`,

  /** \`2^n\` for n in [-126, 127]. */
  pe_power_of_two: `
fn pe_power_of_two(n: i32) -> f32 {
  return bitcast<f32>((n + 127) << 23u);
}`
}
