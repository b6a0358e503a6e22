/**
 * Samples drawn from a sample with replacement: all that there are where they are few, and else as many as are asked for, by a key.
 *
 * Efron and Tibshirani, "An Introduction to the Bootstrap", 1993.
 */

import { range } from '../../tensor/range.js'
import { threefry2x32, type Words } from '../../tensor/threefry.js'

/** Indices into a sample. */
export type Resample = ReadonlyArray<number>

/** All of n^n, each once. */
const every = (n: number): ReadonlyArray<Resample> =>
  range(n).reduce<ReadonlyArray<Resample>>((all) => all.flatMap((begun) => range(n).map((i) => [...begun, i])), [[]])

/** Infinity where it is beyond any `most`. */
const countOfEvery = (n: number): number => range(n).reduce((product) => product * n, 1)

/** Below `n`, each as likely as the others to within n / 2^53. */
const below = (n: number, [high, low]: Words): number => {
  const unit = (high * 2 ** 21 + (low >>> 11)) / 2 ** 53
  return Math.floor(unit * n)
}

/**
 * The resamples of n: each of the n^n once where those are no more than `most`, and else `most` that the key draws. The first case has
 * no chance in it.
 */
export const resamples = (n: number, most: number, key: Words): ReadonlyArray<Resample> =>
  countOfEvery(n) <= most
    ? every(n)
    : range(most).map((number) => range(n).map((i) => below(n, threefry2x32(key, [number, i]))))
