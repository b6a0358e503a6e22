/**
 * Encoded text to train on and to be evaluated on, wherever it came from: all that a run needs to know of a corpus.
 */

import type { Sentences } from './sentences.js'
import type { Vocabulary } from './vocabulary/vocabulary.js'

export type EncodedCorpus = {
  /** Of the ids in both splits. */
  readonly vocabulary: Vocabulary
  readonly train: Sentences
  /** Empty when the corpus is a single document. */
  readonly heldOut: Sentences
}
