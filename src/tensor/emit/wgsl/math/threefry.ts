/** Threefry-2x32 of 20 rounds, as `tensor/threefry.ts` defines it, unrolled. Exact. */

import { parity, rotations } from '../../../threefry.js'
import { word, type Functions } from './source.js'

const schedule = ['key.x', 'key.y', 'third'] as const

const round = (i: number): string => {
  const by = rotations[i % 8]
  const mix = `
  x = x + y;
  y = ((y << ${by}u) | (y >> ${32 - by}u)) ^ x;`
  if (i % 4 !== 3) return mix
  const injection = (i + 1) / 4
  return `${mix}
  x = x + ${schedule[injection % 3]};
  y = y + ${schedule[(injection + 1) % 3]} + ${injection}u;`
}

export const threefry: Functions = {
  pe_threefry: `
fn pe_threefry(key: vec2<u32>, counter: vec2<u32>) -> vec2<u32> {
  let third = key.x ^ key.y ^ ${word(parity)};
  var x = counter.x + key.x;
  var y = counter.y + key.y;${Array.from({ length: 20 }, (_, i) => round(i)).join('')}
  return vec2<u32>(x, y);
}`,
  // Of two words that are neighbours each is had by itself.
  pe_random_word: `
fn pe_random_word(key: vec2<u32>, counter: vec2<u32>, i: u32) -> u32 {
  let words = pe_threefry(key, vec2<u32>(counter.x + (i >> 1u), counter.y));
  return select(words.x, words.y, (i & 1u) == 1u);
}`
}
