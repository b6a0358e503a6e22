/**
 * What always making the same guess costs, in nats: the numbers to compare losses with, in reports.
 */

import type { ElectraConfig } from '../config/config.js'

/** `-p ln p - (1 - p) ln(1 - p)`: the entropy of a coin, the loss of always predicting the base rate p. */
export const binaryEntropy = (p: number): number =>
  p <= 0 || p >= 1 ? 0 : -p * Math.log(p) - (1 - p) * Math.log(1 - p)

/** `ln n`: the loss of a guess that knows nothing, among n. */
export const uniformEntropy = (n: number): number => Math.log(n)

/**
 * `- sum f ln f` over the relative frequencies f of these counts `[V]`: the loss of always predicting the frequencies, which is
 * as far as a model comes that reads nothing of the context.
 */
export const entropyOfCounts = (counts: Uint32Array): number => {
  const total = counts.reduce((sum, n) => sum + n, 0)
  return counts.reduce((sum, n) => (n === 0 ? sum : sum - (n / total) * Math.log(n / total)), 0)
}

/**
 * What the best guess costs of a selected token that is not shown as [MASK], times the chance of that, where the guess reads what is
 * shown in the token's place and nothing else: of frequencies f `[V]`, with a chance of q for a random piece and of k for the token itself
 *
 *     P(s) = q / V + k f_s        that s is shown
 *     - sum_s sum_v f_v (q / V + k [v = s]) ln(f_v (q / V + k [v = s]) / P(s))
 *
 * in one sum over s. 0 without random pieces, as what is shown is the token then.
 */
export const unmaskedEntropy = (
  { replaceProbability, randomProbability: q = 0 }: Pick<ElectraConfig, 'replaceProbability' | 'randomProbability'>,
  counts: Uint32Array
): number => {
  if (q === 0) return 0
  const [k, total] = [Math.max(0, 1 - replaceProbability - q), counts.reduce((sum, n) => sum + n, 0)]
  const [each, entropy] = [q / counts.length, entropyOfCounts(counts)]
  return counts.reduce((sum, n) => {
    if (n === 0) return sum + each * entropy
    const f = n / total
    const shown = each + k * f
    const ofOthers = each * ((1 - f) * Math.log(shown / each) + entropy + f * Math.log(f))
    return sum + ofOthers + f * (each + k) * Math.log(shown / (f * (each + k)))
  }, 0)
}
