/**
 * Keys by name: every place that draws random numbers folds its own name into the key it was given.
 *
 * A name decides its own key and nobody else's: adding a parameter or a dropout leaves every other draw as it was, which
 * splitting by position would not.
 */

import { fold, type Key } from '../tensor/random.js'

/**
 * FNV-1a of the name's UTF-16 code units, low byte then high byte, as an unsigned 32-bit integer.
 *
 * Fowler, Noll and Vo, RFC 9923; https://www.rfc-editor.org/rfc/rfc9923. Two of n names collide with probability about
 * n^2 / 2^33: 2e-5 for the 400 parameters of ELECTRA-Large.
 */
export const hashName = (name: string): number => {
  let hash = 0x811c9dc5
  for (let i = 0; i < name.length; i++) {
    const unit = name.charCodeAt(i)
    hash = Math.imul(hash ^ (unit & 0xff), 0x01000193)
    if (unit > 0xff) hash = Math.imul(hash ^ (unit >>> 8), 0x01000193)
  }
  return hash >>> 0
}

/** The key of the place called `name`, below `key`. Deterministic; independent of every other name. */
export const foldName =
  (name: string) =>
  (key: Key): Key =>
    fold(hashName(name))(key)
