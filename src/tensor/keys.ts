/**
 * Random keys on the host: the same streams as `random.ts`, bit for bit, for what is drawn outside programs (masking,
 * shuffling, initial seeds).
 */

import { invalidArgument } from './fault.js'
import { threefry2x32, type Words } from './threefry.js'

/** The second counter word says what a draw is for, so that no two uses of one key ever share a block. */
export const domains = { bits: 0, fold: 1, split: 2 } as const

/** The two words of a seed, low first. A seed is a non-negative safe integer. */
export const hostKey = (seed: number): Words => {
  if (!Number.isSafeInteger(seed) || seed < 0) throw invalidArgument('key', String(seed), 'a non-negative safe integer')
  return [seed >>> 0, Math.floor(seed / 2 ** 32)]
}

/** Another key for each `data` in `[0, 2^32)`: a step number, a shard, a layer. */
export const hostFold =
  (data: number) =>
  (key: Words): Words =>
    threefry2x32(key, [foldWord(data), domains.fold])

/** `data` if a counter word holds it. */
export const foldWord = (data: number): number => {
  if (data !== data >>> 0) throw invalidArgument('fold', String(data), 'an integer in [0, 2^32)')
  return data
}

/** `n` random words. */
export const hostBits =
  (n: number) =>
  (key: Words): Uint32Array => {
    if (!Number.isSafeInteger(n) || n < 0 || n > 2 ** 31 - 1)
      throw invalidArgument('bits', String(n), 'a count of words')
    const words = new Uint32Array(n)
    for (let i = 0; i < n; i += 2) {
      const [first, second] = threefry2x32(key, [i / 2, domains.bits])
      words[i] = first
      if (i + 1 < n) words[i + 1] = second
    }
    return words
  }

/**
 * `0 .. n - 1` in random order: Fisher and Yates's shuffle, one word a position.
 *
 * Positions are `floor(word * m / 2^32)`, so a position's probability is off `1 / m` by less than `2^-32`.
 */
export const hostPermutation =
  (n: number) =>
  (key: Words): Uint32Array => {
    const words = hostBits(n)(key)
    const order = Uint32Array.from(words, (_, i) => i)
    for (let i = n - 1; i > 0; i--) {
      const j = Math.floor((words[i] * (i + 1)) / 2 ** 32)
      const held = order[i]
      order[i] = order[j]
      order[j] = held
    }
    return order
  }
