/**
 * The networks of an objective as model files: where each tensor of a file stands in a run's parameters.
 */

import type { EncoderSize } from '../config/config.js'

export type Exported = {
  /** Its directory in a run's `model/`, and what people call it. */
  readonly name: string
  /** Whose class of Hugging Face's it is: ElectraForPreTraining or ElectraForMaskedLM. */
  readonly half: 'discriminator' | 'generator'
  readonly size: EncoderSize & { readonly embeddingSize: number }
  /** Prefixes in a run's parameters, with their dots: of those that have a name behind them, the last one has the tensor. */
  readonly sources: ReadonlyArray<string>
}

/** The name in a run's parameters of each tensor of the file that is there. */
export const runNames = (
  { sources }: Exported,
  fileNames: Iterable<string>,
  isThere: (runName: string) => boolean
): ReadonlyMap<string, string> =>
  new Map(
    [...fileNames].flatMap((name): ReadonlyArray<readonly [string, string]> => {
      const source = sources.findLast((prefix) => isThere(prefix + name))
      return source === undefined ? [] : [[name, source + name]]
    })
  )
