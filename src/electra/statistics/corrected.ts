/** p-values of several comparisons, corrected for how many they are. */

import { range } from '../../tensor/range.js'
import type { Numbers } from './moments.js'

/**
 * Holm's, 1979: the chance that any of the comparisons is called different though it is not stays below the level. In the order in which
 * they are given; NaN is no comparison and stays.
 */
export const holm = (ps: Numbers): Numbers => {
  const order = range(ps.length)
    .filter((i) => !Number.isNaN(ps[i]))
    .sort((a, b) => ps[a] - ps[b])
  const corrected = [...ps]
  let largest = 0
  order.forEach((at, rank) => {
    largest = Math.max(largest, Math.min(1, (order.length - rank) * ps[at]))
    corrected[at] = largest
  })
  return corrected
}
