/**
 * Threefry-2x32, 20 rounds: two words of key and two of counter to two random words.
 *
 * Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011. The definition that every
 * device's `randomBits` must equal bit for bit, and the host's own source of keyed randomness (masking, shuffling).
 */

export type Words = readonly [number, number]

/** The rotation of round `i` is `rotations[i mod 8]`. */
export const rotations = [13, 15, 26, 6, 17, 29, 16, 24] as const

/** The third word of the key schedule is the parity of the key and this. */
export const parity = 0x1bd11bda

const rotate = (x: number, by: number): number => (x << by) | (x >>> (32 - by))

export const threefry2x32 = (key: Words, counter: Words): Words => {
  const schedule = [key[0] | 0, key[1] | 0, key[0] ^ key[1] ^ parity]
  let x0 = (counter[0] + schedule[0]) | 0
  let x1 = (counter[1] + schedule[1]) | 0
  for (let round = 0; round < 20; round++) {
    x0 = (x0 + x1) | 0
    x1 = rotate(x1, rotations[round % 8]) ^ x0
    if (round % 4 === 3) {
      const injection = (round + 1) / 4
      x0 = (x0 + schedule[injection % 3]) | 0
      x1 = (x1 + schedule[(injection + 1) % 3] + injection) | 0
    }
  }
  return [x0 >>> 0, x1 >>> 0]
}
