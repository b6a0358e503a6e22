/** What some numbers come to. Of no numbers all are NaN. */

export type Numbers = ReadonlyArray<number>

export const mean = (values: Numbers): number => values.reduce((sum, x) => sum + x, 0) / values.length

/** Of the sample, with n - 1: NaN of one number, and of none. */
export const deviation = (values: Numbers): number => {
  if (values.length < 2) return NaN
  const centre = mean(values)
  return Math.sqrt(values.reduce((sum, x) => sum + (x - centre) * (x - centre), 0) / (values.length - 1))
}

/** Of a mean: the deviation of what it would be of other samples as large. */
export const standardError = (values: Numbers): number => deviation(values) / Math.sqrt(values.length)

/** The place `p` of 0 to 1 among the values in ascending order, on the line between the two beside it (Hyndman and Fan's type 7). */
export const quantileOf = (ascending: Numbers, p: number): number => {
  const at = p * (ascending.length - 1)
  const below = Math.floor(at)
  const share = at - below
  const [low = NaN, high = low] = ascending.slice(below, below + 2)
  // Either may be infinite.
  return share === 0 ? low : (1 - share) * low + share * high
}

export const ascending = (values: Numbers): Numbers => [...values].sort((a, b) => a - b)

export const quantile = (values: Numbers, p: number): number => quantileOf(ascending(values), p)

/** The middle of them, or the mean of the two in the middle. */
export const median = (values: Numbers): number => quantile(values, 0.5)
