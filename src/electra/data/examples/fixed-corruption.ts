/**
 * A corruption that is the same whatever is trained: some tokens of a text replaced by pieces drawn by their frequency.
 *
 * A discriminator's score against its own generator says as much of the generator as of it. Against this corruption, which
 * depends on nothing but the corpus, runs can be compared whatever their generators, seeds and sequence lengths.
 */

import { hostBits, hostFold } from '../../../tensor/keys.js'
import type { Words } from '../../../tensor/threefry.js'
import type { Ids, Sentences } from '../sentences.js'

/** How often each piece of a vocabulary of V occurs `[V]`. */
export const countPieces =
  (vocabSize: number) =>
  (ids: Ids): Uint32Array => {
    const counts = new Uint32Array(vocabSize)
    for (const id of ids) counts[id]++
    return counts
  }

/** What each draw of a token is for. */
const uses = { choice: 0, piece: 1 } as const

export type FixedCorruption = {
  /** How often each piece is drawn, relatively; not all of them zero. */
  readonly counts: Uint32Array
  /** The share of tokens that are drawn anew. Some of them come out as they were. */
  readonly rate: number
  readonly key: Words
}

/** The same sentences with other tokens here and there. Which, and what they become, is decided by key and place alone. */
export const corruptText =
  ({ counts, rate, key }: FixedCorruption) =>
  (text: Sentences): Sentences => {
    const ids = text.ids.slice()
    const draw = drawing(counts)
    const [choices, pieces] = [uses.choice, uses.piece].map((use) => hostBits(ids.length)(hostFold(use)(key)))
    for (let i = 0; i < ids.length; i++) if (choices[i] < rate * 2 ** 32) ids[i] = draw(pieces[i])
    return { ...text, ids }
  }

/** From a random word to a piece, by the inverse of the cumulated counts; a piece's chance is off by less than 2^-32. */
const drawing = (counts: Uint32Array): ((word: number) => number) => {
  const ends = new Float64Array(counts.length)
  let total = 0
  counts.forEach((n, id) => (ends[id] = total += n))
  return (word) => {
    const place = (word / 2 ** 32) * total
    let [low, high] = [0, ends.length - 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if (ends[middle] > place) high = middle
      else low = middle + 1
    }
    return low
  }
}
