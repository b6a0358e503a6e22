/** Tensors from doubles and back, evaluated by the reference device in float64 (float32 where named). */

import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { tensor, toTypedArray, type FloatWidth, type Literal, type Shape, type Tensor } from '../../src/tensor/index.js'
import { evaluate, evaluateAll } from '../../src/tensor/run/evaluate.js'
import { reference } from '../../src/tensor/run/reference/reference.js'
import { numbers } from '../../src/testing/index.js'

export const doubles = (shape: Shape, values: ReadonlyArray<number>): Literal =>
  tensor(Float64Array.from(values), { shape })

export const integers = (shape: Shape, values: ReadonlyArray<number>): Literal =>
  tensor(Int32Array.from(values), { shape })

/** The tree with its tensors computed. */
export const computed = <T>(tree: T): T => {
  const result = evaluateAll(reference({ floats: 'float64' }))(tree)
  if (E.isLeft(result)) throw new Error(JSON.stringify(result.left))
  const literals: unknown = result.right
  return literals as T
}

const valuesIn =
  (floats: FloatWidth) =>
  (x: Tensor): ReadonlyArray<number> => {
    const result = evaluate(reference({ floats }))(x)
    if (E.isLeft(result)) throw new Error(JSON.stringify(result.left))
    return Array.from(toTypedArray(result.right))
  }

export const values = valuesIn('float64')
export const singleValues = valuesIn('float32')

/** Decimals in [-4, 4], or between hundredths. */
export const real = (min = -400, max = 400): fc.Arbitrary<number> => numbers({ min: min / 100, max: max / 100 })

export const reals = (n: number, min?: number, max?: number): fc.Arbitrary<ReadonlyArray<number>> =>
  fc.array(real(min, max), { minLength: n, maxLength: n })

/** The largest `|a - b| / max(1, |b|)`, as a mismatch of lengths counts infinitely. */
export const distance = (a: ReadonlyArray<number>, b: ReadonlyArray<number>): number =>
  a.length !== b.length
    ? Infinity
    : a.reduce((d, x, i) => Math.max(d, Math.abs(x - b[i]) / Math.max(1, Math.abs(b[i]))), 0)

/**
 * What a few dozen operations on doubles of moderate size may differ by when they are done in another order: each rounds
 * by 1.1e-16 relative, and sums here have at most some hundred terms.
 */
export const rounding = 1e-13
