/**
 * Expressions to plain numbers, by the reference device in float64.
 */

import { isLeft } from 'fp-ts/lib/Either.js'
import { toNested } from '../../src/tensor/index.js'
import type { Tensor } from '../../src/tensor/index.js'
import { evaluate } from '../../src/tensor/run/evaluate.js'
import { reference } from '../../src/tensor/run/reference/reference.js'

/** The value as nested arrays. Throws where there is none: a test's expressions are meant to have values. */
export const numbersOf = (x: Tensor): unknown => {
  const value = evaluate(reference({ floats: 'float64' }))(x)
  if (isLeft(value)) throw new Error(JSON.stringify(value.left))
  return toNested(value.right)
}

/** The value of a scalar. */
export const numberOf = (x: Tensor): number => Number(numbersOf(x))
