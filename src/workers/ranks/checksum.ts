/**
 * A checksum that tells states apart: MurmurHash3 (x86, 32 bits) over the words of arrays. Not against malice.
 */

import type { Data } from '../../tensor/dtype.js'

const rotate = (x: number, by: number): number => (x << by) | (x >>> (32 - by))

/** One to one in `word` for each `hash`: a single word that differs always shows. */
const absorb = (hash: number, word: number): number => {
  const mixed = Math.imul(rotate(Math.imul(word, 0xcc9e2d51), 15), 0x1b873593)
  return (Math.imul(rotate(hash ^ mixed, 13), 5) + 0xe6546b64) | 0
}

/** Of arrays in their order. Each begins at a multiple of 4 bytes, as slots do. */
export const checksum = (arrays: ReadonlyArray<Data>): number => {
  let hash = 0
  for (const { buffer, byteOffset, byteLength } of arrays) {
    const words = new Uint32Array(buffer, byteOffset, byteLength >> 2)
    const rest = new Uint8Array(buffer, byteOffset + words.byteLength, byteLength - words.byteLength)
    for (let i = 0; i < words.length; i++) hash = absorb(hash, words[i])
    for (let i = 0; i < rest.length; i++) hash = absorb(hash, rest[i])
  }
  return hash
}
