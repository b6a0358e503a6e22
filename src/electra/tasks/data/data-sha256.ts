/**
 * What a run was trained and judged on, as one hash: of the examples that were read, not of the bytes of their files. So a file's
 * compression and line ends do not enter.
 */

import { canonicalJson, type Json } from '../../store/canonical-json.js'
import { sha256OfText } from '../../store/digest.js'

/** Examples are hashed one by one, since those of a data set are longer together than a string may be. */
export const sha256OfExamples = (
  splits: ReadonlyArray<readonly [name: string, examples: ReadonlyArray<Json>]>
): string =>
  sha256OfText(
    canonicalJson(
      splits.map(([name, examples]) => [
        name,
        examples.length,
        sha256OfText(examples.map((example) => sha256OfText(canonicalJson(example))).join(''))
      ])
    )
  )
