/**
 * fp-ts instances, where they are lawful.
 *
 * Literals have `Eq` and `Show`. Integer tensors of one shape form a commutative ring, the integers modulo 2^32 element by
 * element, and so a `Ring` is given for them; its laws hold for the values, whatever device computes them.
 *
 * f32 has neither ring nor monoid, because rounding is not associative. What does hold, and is tested: `add` and `mul`
 * commute bit for bit; `x + 0` and `1 x` are `x` (but `-0 + 0` is `0`); and for `n` terms of any order and grouping the sums
 * differ by at most `2 (n - 1) u / (1 - (n - 1) u) * sum |x|`, with `u = 2^-24` (Higham, "Accuracy and Stability of
 * Numerical Algorithms", 2002, section 4.2).
 *
 * The sums that the wasm device itself makes are off by less: `sum` and `scatterAdd` by at most `c u sum |x|` with `c` about 260
 * (blocks of 256 additions across rows, of 1024 elements on four lanes along them, and blocks are added in double precision), however
 * many terms there are; a matrix product over `k` by `c = 257 + k / 256` up to `k = 2^16`, and `513 + k / 2^16` beyond.
 */

import type { Eq } from 'fp-ts/lib/Eq.js'
import type { Ring } from 'fp-ts/lib/Ring.js'
import type { Show } from 'fp-ts/lib/Show.js'
import { peek, type Literal } from './literal.js'
import { add, mul, sub } from './ops/arithmetic.js'
import { full } from './ops/create.js'
import { equalShapes, type Shape } from './shape.js'
import { show } from './show.js'
import type { Tensor } from './tensor.js'

/**
 * Equality of values: same dtype, same shape, same bits in every element, whether f32 is held in single or in double
 * precision. So -0 differs from 0, and NaN equals NaN (JavaScript does not tell NaNs apart).
 */
export const eqLiteral: Eq<Literal> = {
  equals: (a, b) => {
    if (a === b) return true
    if (a.dtype !== b.dtype || !equalShapes(a.shape, b.shape)) return false
    const [left, right] = [peek(a), peek(b)]
    for (let i = 0; i < left.length; i++) if (!Object.is(left[i], right[i])) return false
    return true
  }
}

export const showLiteral: Show<Literal> = { show }

/** The ring of integers modulo 2^32, element by element, for tensors of one shape. */
export const integerRing = (dtype: 'i32' | 'u32', shape: Shape): Ring<Tensor> => ({
  zero: full(shape, 0, dtype),
  one: full(shape, 1, dtype),
  add: (a, b) => add(b)(a),
  sub: (a, b) => sub(b)(a),
  mul: (a, b) => mul(b)(a)
})
