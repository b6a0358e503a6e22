/** Thousands of numbers as some that can be looked at: means of steps in a row, with the least and the largest of them. */

import { range } from '../../../tensor/range.js'
import { mean } from '../../statistics/moments.js'

export type Bucket = {
  /** The first and the last step that are in it. */
  readonly from: number
  readonly to: number
  readonly mean: number
  readonly low: number
  readonly high: number
  /** Numbers in it; what is not finite is left out. */
  readonly count: number
}

/** As many buckets as asked for at most, of as many values each, but for the last. None without a finite number. */
export const thinned = (
  steps: ReadonlyArray<number>,
  values: ReadonlyArray<number>,
  most: number
): ReadonlyArray<Bucket> => {
  const size = Math.max(1, Math.ceil(steps.length / most))
  return range(Math.ceil(steps.length / size)).flatMap((n) => {
    const at = range(Math.min(size, steps.length - n * size)).map((i) => n * size + i)
    const finite = at.map((i) => values[i]).filter(Number.isFinite)
    return finite.length === 0
      ? []
      : [
          {
            from: steps[at[0]],
            to: steps[at[at.length - 1]],
            mean: mean(finite),
            low: Math.min(...finite),
            high: Math.max(...finite),
            count: finite.length
          }
        ]
  })
}
