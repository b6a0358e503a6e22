/**
 * Whether a run may continue from a checkpoint.
 */

import * as E from 'fp-ts/lib/Either.js'
import { describe } from '../../../tensor/describe.js'
import type { HeldOut, RunIdentity } from './checkpoint-state.js'
import type { Difference, StoreError } from '../errors.js'

const leaves = (value: unknown, path: string): ReadonlyArray<readonly [string, unknown]> =>
  typeof value === 'object' && value !== null
    ? Object.entries(value).flatMap(([key, child]) => leaves(child, path === '' ? key : `${path}.${key}`))
    : [[path, value]]

/** An identity that says no precision is that of a run in float32. */
const factsOf = (identity: RunIdentity): ReadonlyMap<string, unknown> =>
  new Map(leaves({ precision: 'float32', ...identity }, ''))

const shown = (value: unknown): string => (value === undefined ? 'nothing' : describe(value))

/**
 * Fails where the checkpoint (`found`) was written by a run of another identity than this one (`expected`), and names each
 * difference.
 */
export const checkResume = (expected: RunIdentity, found: RunIdentity): E.Either<StoreError, void> => {
  const [mine, theirs] = [factsOf(expected), factsOf(found)]
  const differences = [...new Set([...mine.keys(), ...theirs.keys()])].flatMap((what): ReadonlyArray<Difference> =>
    Object.is(mine.get(what), theirs.get(what))
      ? []
      : [{ what, found: shown(theirs.get(what)), expected: shown(mine.get(what)) }]
  )
  return differences.length === 0 ? E.right(undefined) : E.left({ _tag: 'NotResumable', differences })
}

/** The better of two held-out losses, the earlier where they are equal. NaN is never better. */
export const betterOf = (best: HeldOut | undefined, candidate: HeldOut): HeldOut | undefined =>
  Number.isNaN(candidate.loss) || (best !== undefined && best.loss <= candidate.loss) ? best : candidate
