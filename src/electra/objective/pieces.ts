/** The pieces of a text, as far as an objective needs them. */

import { trainedSpecial, type SpecialIds } from '../data/vocabulary/vocabulary.js'

export type Pieces = {
  /** Rows of the embedding table. */
  readonly size: number
  readonly special: SpecialIds
  /** How often each piece stands in the training text `[size]`. */
  readonly counts: Uint32Array
}

/** Those of no text, for whoever has none: numbered as in a trained vocabulary, each as frequent as the others. */
export const drawnPieces = (size: number): Pieces => ({
  size,
  special: trainedSpecial,
  counts: new Uint32Array(size).fill(1)
})
