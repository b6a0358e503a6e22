/** Integers: to and from f32, division by anything, and the upper half of a product. Exact, or rounded to nearest. */

import type { Functions } from './source.js'

/** The halves convert exactly, and so only their sum is rounded. */
const toFloat = (name: string, type: string): string => `
fn ${name}(x: ${type}) -> f32 {
  return f32(x >> 16u) * 65536f + f32(x & 0xffff);
}`

/** \`-2^31 / -1\` wraps, as WGSL has it. */
const quotient = (name: string, type: string, operator: string): string => `
fn ${name}(x: ${type}, y: ${type}) -> ${type} {
  return select(x ${operator} select(y, 1, y == 0), 0, y == 0);
}`

export const integers: Functions = {
  pe_f32_of_i32: toFloat('pe_f32_of_i32', 'i32'),
  pe_f32_of_u32: toFloat('pe_f32_of_u32', 'u32'),

  /** What is before the point, of an f32 of at least 0 and below 2^32 by its bits. */
  pe_whole: `
fn pe_whole(size: u32) -> u32 {
  let exponent = i32(size >> 23u) - 150;
  let significand = (size & 0x7fffffu) | 0x800000u;
  let left = significand << u32(clamp(exponent, 0, 8));
  return select(left, significand >> u32(clamp(-exponent, 0, 31)), exponent < 0);
}`,

  pe_i32_of_f32: `
fn pe_i32_of_f32(x: f32) -> i32 {
  let size = pe_size(x);
  let isNegative = bitcast<i32>(x) < 0;
  let whole = i32(pe_whole(size));
  let end = select(2147483647, i32(-2147483648), isNegative);
  let inside = select(select(whole, -whole, isNegative), end, size >= 0x4f000000u);
  return select(inside, 0, size > 0x7f800000u);
}`,

  pe_u32_of_f32: `
fn pe_u32_of_f32(x: f32) -> u32 {
  let size = pe_size(x);
  let inside = select(pe_whole(size), 0xffffffffu, size >= 0x4f800000u);
  return select(inside, 0u, size > 0x7f800000u || bitcast<i32>(x) < 0);
}`,

  pe_i32_div: quotient('pe_i32_div', 'i32', '/'),
  pe_i32_rem: quotient('pe_i32_rem', 'i32', '%'),
  pe_u32_div: quotient('pe_u32_div', 'u32', '/'),
  pe_u32_rem: quotient('pe_u32_rem', 'u32', '%'),

  /** The upper 32 bits of a product. */
  pe_upper: `
fn pe_upper(x: u32, y: u32) -> u32 {
  let low = (x & 0xffffu) * (y & 0xffffu);
  let first = (x >> 16u) * (y & 0xffffu) + (low >> 16u);
  let second = (x & 0xffffu) * (y >> 16u) + (first & 0xffffu);
  return (x >> 16u) * (y >> 16u) + (first >> 16u) + (second >> 16u);
}`,

  /** Keep compilers of WGSL from computing with literals, where overflow is an error to them. */
  pe_f32: 'fn pe_f32(x: f32) -> f32 { return x; }',
  pe_i32: 'fn pe_i32(x: i32) -> i32 { return x; }',
  pe_u32: 'fn pe_u32(x: u32) -> u32 { return x; }'
}
