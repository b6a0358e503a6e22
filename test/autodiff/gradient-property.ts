/**
 * Gradient checks of functions of different types in one list.
 */

import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { gradientCheck, showGradientError } from '../../src/autodiff/index.js'
import { isLiteral, show, tree, type Tensor } from '../../src/tensor/index.js'
import { assertGradients } from '../../src/testing/index.js'

/** Throws unless gradients of this order are right at every argument tried. */
export type GradientProperty = (order: 1 | 2) => void

/** Over an argument. */
export const ofArguments =
  <P>(f: (at: P) => unknown, args: fc.Arbitrary<P>): GradientProperty =>
  (order) =>
    assertGradients(f, args, { order })

export type Problem = { readonly check: (order: 1 | 2) => E.Either<string, unknown>; readonly toString: () => string }

/** A function together with its argument: for operations whose attributes (axes, an order) are drawn with the shapes. */
export const problem = <P>(f: (at: P) => unknown, at: P): Problem => ({
  check: (order) => E.mapLeft(showGradientError)(gradientCheck(f, at, { order })),
  toString: () =>
    tree
      .tensorsOf(at)
      .map((x: Tensor) => (isLiteral(x) ? show(x) : 'an expression'))
      .join('; ')
})

/** Over functions and arguments drawn together. */
export const ofProblems =
  (problems: fc.Arbitrary<Problem>): GradientProperty =>
  (order) => {
    fc.assert(
      fc.property(problems, ({ check }) => {
        const checked = check(order)
        if (E.isLeft(checked)) throw new Error(checked.left)
      }),
      { numRuns: 25 }
    )
  }
