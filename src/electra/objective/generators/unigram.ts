/** Pieces by how often they stand in the training text. Clark et al. 2020, section 3.2: the smallest of its generators. */

import { pipe } from 'fp-ts/lib/function.js'
import { div, log, tensor, where, type Tensor } from '../../../tensor/index.js'
import { constantGenerator, sharesNothing } from './constant.js'
import type { GeneratorMaker } from './generator.js'

/** Of a piece that never occurs: it is never drawn, at no temperature up to 50, and costs no infinite loss in other text. */
const never = -1000

/** `log(n / sum of n)` for each piece's count n, or -1000 where that is 0 `[V]`, f32. */
export const logFrequencies = (counts: Uint32Array): Tensor => {
  const total = counts.reduce((sum, n) => sum + n, 0)
  const occurring = tensor(Float32Array.from(counts, (n) => Math.max(1, n)))
  return pipe(occurring, div(total), log, where(tensor(Array.from(counts, (n) => n > 0)), never))
}

export const unigramGenerator: GeneratorMaker = {
  about: 'pieces by their frequency in the training text; Clark et al. 2020, section 3.2',
  problems: sharesNothing('unigram'),
  make: (_, { counts }) => constantGenerator(logFrequencies(counts))
}
