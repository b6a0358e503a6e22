/**
 * The property that a function's gradient is right, with counterexamples that a person can read.
 */

import { isRight } from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { gradientCheck, showGradientError, type GradientCheckOptions } from '../autodiff/check.js'
import { isLiteral } from '../tensor/literal.js'
import { reasonOf } from '../tensor/reason.js'
import { showShape } from '../tensor/shape.js'
import { show } from '../tensor/show.js'
import type { Tensor } from '../tensor/tensor.js'
import { tensorEntries } from '../tensor/tree.js'

export type AssertGradientsOptions = GradientCheckOptions & {
  /** How many arguments are tried. Default 25. */
  readonly runs?: number
  /** The two values that an earlier failure printed: runs that case again. */
  readonly replay?: { readonly seed: number; readonly path: string }
}

/**
 * Throws unless the gradient of `f` agrees with central differences at every argument tried.
 *
 * `f` takes one argument, a tree of tensors, and returns a tensor of any shape or a tree of them; see `gradientCheck` for
 * how they are compared, and choose arguments within the domain of `f` and away from its kinks. A failure is shrunk to
 * the smallest shapes and simplest values that still fail; the message shows them, both derivatives, and how to run the
 * case again.
 *
 *     assertGradients(([a, b]) => pipe(a, mul(b), tanh), broadcastablePairs(), { order: 2 })
 */
export const assertGradients = <P>(
  f: (at: P) => unknown,
  args: fc.Arbitrary<P>,
  { runs = 25, replay, ...options }: AssertGradientsOptions = {}
): void => {
  const details = fc.check(
    fc.property(args, (at) => {
      const report = gradientCheck(f, at, options)
      if (!isRight(report)) throw new Error(showGradientError(report.left))
    }),
    { numRuns: runs, ...replay }
  )
  if (!details.failed) return
  const reason = reasonOf(details.errorInstance)
  throw new Error(
    [
      reason,
      ...(details.counterexample ?? []).flatMap(showArguments),
      `after ${details.numRuns} ${details.numRuns === 1 ? 'run' : 'runs'} and ${details.numShrinks} ${details.numShrinks === 1 ? 'shrink' : 'shrinks'}; ` +
        `to run it again: { replay: { seed: ${details.seed}, path: '${details.counterexamplePath ?? ''}' } }`
    ].join('\n'),
    { cause: details.errorInstance }
  )
}

const showArguments = (at: unknown): ReadonlyArray<string> =>
  tensorEntries(at).map(([path, x]) => `  ${path === '' ? 'argument' : path} = ${showTensor(x)}`)

const showTensor = (x: Tensor): string => (isLiteral(x) ? show(x) : `an expression, ${x.dtype}${showShape(x.shape)}`)
