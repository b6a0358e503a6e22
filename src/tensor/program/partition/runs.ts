/** Lists divided into runs of neighbours that weigh about the same, so that they can be worked on side by side. */

/**
 * Positions of `weights` in at most `count` runs, in order; together they are all of them. No run is empty. Of one very
 * heavy entry the run cannot be lighter.
 */
export const evenRuns = (weights: ReadonlyArray<number>, count: number): ReadonlyArray<ReadonlyArray<number>> => {
  const total = weights.reduce((a, b) => a + b, 0)
  const runs = Array.from({ length: count }, (): Array<number> => [])
  weights.reduce((before, weight, i) => {
    // By where its middle falls, rounding errors of sums kept within.
    const at = total === 0 ? 0 : Math.floor((count * (before + weight / 2)) / total)
    runs[Math.min(count - 1, at)].push(i)
    return before + weight
  }, 0)
  return runs.filter((run) => run.length > 0)
}

/** `size` elements from element `start`. */
export type Block = { readonly start: number; readonly size: number }

/** `size` elements in blocks of `length`, the last of what remains. */
export const blocksOf = (size: number, length: number): ReadonlyArray<Block> =>
  Array.from({ length: Math.ceil(size / length) }, (_, i) => ({
    start: i * length,
    size: Math.min(length, size - i * length)
  }))
