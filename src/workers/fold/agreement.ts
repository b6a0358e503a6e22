/**
 * Whether programs that are composed agree on the arrays that pass between them.
 */

import * as E from 'fp-ts/lib/Either.js'
import type { Spec } from '../../tensor/program/program.js'
import { equalShapes, showShape } from '../../tensor/shape.js'
import type { WorkerError } from '../error.js'

export const rejected = (program: string, found: string, expected: string): E.Either<WorkerError, never> =>
  E.left({ _tag: 'ProgramRejected', program, found, expected })

const show = ({ dtype, shape }: Spec): string => `${dtype}${showShape(shape)}`

/** `Left` with the first of `found` that is not the array that `expected` has there; `what` names the list. */
export const agree = (
  program: string,
  what: string,
  found: ReadonlyArray<Spec>,
  expected: ReadonlyArray<Spec>
): E.Either<WorkerError, void> => {
  if (found.length !== expected.length) return rejected(program, `${found.length} ${what}`, `${expected.length}`)
  const at = found.findIndex(
    ({ dtype, shape }, i) => dtype !== expected[i].dtype || !equalShapes(shape, expected[i].shape)
  )
  return at < 0 ? E.right(undefined) : rejected(program, `${show(found[at])} in ${what} at ${at}`, show(expected[at]))
}
