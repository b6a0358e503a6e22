/**
 * Whether programs that are composed agree on the arrays that pass between them.
 */

import * as E from 'fp-ts/lib/Either.js'
import type { Lowered } from '../../tensor/program/lower.js'
import { outputSpecs, type Spec } from '../../tensor/program/program.js'
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

/** Whether a program can be summed over so many shards, each of which has the shared inputs and then its own. */
export const agreeOnShards = (
  name: string,
  { program, captured }: Lowered,
  shared: ReadonlyArray<Spec>,
  shards: number
): E.Either<WorkerError, void> => {
  if (!Number.isSafeInteger(shards) || shards < 1) return rejected(name, `${shards} shards`, 'a positive integer')
  if (program.inputs.length < shared.length + captured.length)
    return rejected(name, `${program.inputs.length} inputs`, `at least ${shared.length + captured.length}`)
  const bool = outputSpecs(program).findIndex(({ dtype }) => dtype === 'bool')
  if (bool >= 0) return rejected(name, `bool as output ${bool}`, 'numbers, which have a sum')
  return agree(name, 'shared inputs', program.inputs.slice(0, shared.length), shared)
}
