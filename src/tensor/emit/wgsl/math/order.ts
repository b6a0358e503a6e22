/** The order of f32, by integers: comparisons with NaN are false, and no device takes a subnormal number for 0. Exact. */

import type { Functions } from './source.js'

export const order: Functions = {
  /** An integer that orders as the numbers do; both zeros are 0. */
  pe_rank: `
fn pe_rank(x: f32) -> i32 {
  let bits = bitcast<i32>(x);
  return select(bits, bitcast<i32>(0x80000000u) - bits, bits < 0);
}`,

  pe_ordered: `
fn pe_ordered(x: f32, y: f32) -> bool {
  return max(pe_size(x), pe_size(y)) <= 0x7f800000u;
}`,

  pe_eq: `
fn pe_eq(x: f32, y: f32) -> bool {
  return pe_ordered(x, y) && pe_rank(x) == pe_rank(y);
}`,

  pe_lt: `
fn pe_lt(x: f32, y: f32) -> bool {
  return pe_ordered(x, y) && pe_rank(x) < pe_rank(y);
}`,

  pe_le: `
fn pe_le(x: f32, y: f32) -> bool {
  return pe_ordered(x, y) && pe_rank(x) <= pe_rank(y);
}`,

  /** Of a NaN and a number the NaN; of the zeros the positive one. */
  pe_max: `
fn pe_max(x: f32, y: f32) -> f32 {
  let a = bitcast<i32>(x);
  let b = bitcast<i32>(y);
  let larger = select(y, x, (a ^ ((a >> 31u) & 0x7fffffff)) > (b ^ ((b >> 31u) & 0x7fffffff)));
  return select(select(larger, y, pe_is_nan(y)), x, pe_is_nan(x));
}`,

  pe_min: `
fn pe_min(x: f32, y: f32) -> f32 {
  let a = bitcast<i32>(x);
  let b = bitcast<i32>(y);
  let smaller = select(y, x, (a ^ ((a >> 31u) & 0x7fffffff)) < (b ^ ((b >> 31u) & 0x7fffffff)));
  return select(select(smaller, y, pe_is_nan(y)), x, pe_is_nan(x));
}`
}
