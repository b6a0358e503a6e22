/**
 * The keys of a run: every use of randomness has one of its own, folded from the seed by name.
 */

import { hashName } from '../../nn/index.js'
import { hostFold, hostKey } from '../../tensor/keys.js'
import type { Words } from '../../tensor/threefry.js'

export type RunKeys = {
  /** Initial parameters. */
  readonly parameters: Words
  /** How sentences are dealt into examples. */
  readonly packing: Words
  /** The order of examples in each epoch. */
  readonly order: Words
  /** Which tokens are masked; folded with the step. */
  readonly masking: Words
  /** Dropout and sampling; folded with the step, then with the shard. */
  readonly steps: Words
  /** Masking and sampling of held-out batches, the same at every evaluation. */
  readonly heldOut: Words
  /** Masking and sampling of the sentences that the closing report shows. */
  readonly samples: Words
}

/** What the fixed corruption replaces: the same for every seed, so that runs can be compared. */
export const fixedCorruptionKey: Words = hostFold(hashName('fixed corruption'))(hostKey(0))

export const runKeys = (seed: number): RunKeys => {
  const named = (name: string): Words => hostFold(hashName(name))(hostKey(seed))
  return {
    parameters: named('parameters'),
    packing: named('packing'),
    order: named('order'),
    masking: named('masking'),
    steps: named('steps'),
    heldOut: named('held-out'),
    samples: named('samples')
  }
}
