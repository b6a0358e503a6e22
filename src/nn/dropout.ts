/**
 * Dropout: Srivastava et al. 2014, https://jmlr.org/papers/v15/srivastava14a.html
 */

import { pipe } from 'fp-ts/lib/function.js'
import { invalidArgument } from '../tensor/fault.js'
import { mul, where, type Tensor } from '../tensor/index.js'
import { bernoulli, type Key } from '../tensor/random.js'

export type DropoutOptions = {
  /** The probability that an element becomes 0, in [0, 1). A number, not a tensor: it is part of the program. */
  readonly rate: number
  /** Absent in evaluation: nothing is dropped. */
  readonly key?: Key
}

/**
 * Inverted dropout: each element is 0 with probability `rate`, and otherwise divided by `1 - rate`, so that the
 * expectation is x.
 *
 * Which elements, the key decides, by comparing integers: alike on every device. With rate 0 or no key the result is x
 * itself, and the graph holds no random bits.
 *
 * Throws `InvalidArgument` where the rate is outside [0, 1).
 */
export const dropout =
  ({ rate, key }: DropoutOptions) =>
  (x: Tensor): Tensor => {
    if (!(rate >= 0 && rate < 1)) throw invalidArgument('dropout', `rate ${rate}`, 'a rate in [0, 1)')
    if (rate === 0 || key === undefined) return x
    return pipe(x, mul(1 / (1 - rate)), where(bernoulli(1 - rate, x.shape)(key), 0))
  }
