/**
 * What always making the same guess costs, in nats: the numbers to compare losses with, in reports.
 */

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
