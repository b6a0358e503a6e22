/**
 * Whether a run may continue from a checkpoint.
 */

import * as E from 'fp-ts/lib/Either.js'
import { describe } from '../../../tensor/describe.js'
import type { HeldOut, RunIdentity } from './checkpoint-state.js'
import { computedPart } from '../digest.js'
import type { Difference, StoreError } from '../errors.js'

const leaves = (value: unknown, path: string): ReadonlyArray<readonly [string, unknown]> =>
  typeof value === 'object' && value !== null
    ? Object.entries(value).flatMap(([key, child]) => leaves(child, `${path}.${key}`))
    : [[path, value]]

const factsOf = ({ config, corpusSha256, seed, totalSteps }: RunIdentity): ReadonlyMap<string, unknown> =>
  new Map<string, unknown>([
    ...leaves(computedPart(config), 'config'),
    ['corpus', corpusSha256],
    ['seed', seed],
    ['steps', totalSteps]
  ])

/**
 * Fails where the checkpoint (`found`) was written by a run of another configuration, corpus, seed or number of steps
 * than this one (`expected`), and names each difference. Names of configurations, numbers of workers, and how often to save
 * may differ: none of them changes what a step computes.
 */
export const checkResume = (expected: RunIdentity, found: RunIdentity): E.Either<StoreError, void> => {
  const [mine, theirs] = [factsOf(expected), factsOf(found)]
  const differences = [...mine].flatMap(([what, value]): ReadonlyArray<Difference> =>
    Object.is(value, theirs.get(what)) ? [] : [{ what, found: describe(theirs.get(what)), expected: describe(value) }]
  )
  return differences.length === 0 ? E.right(undefined) : E.left({ _tag: 'NotResumable', differences })
}

/** The better of two held-out losses, the earlier where they are equal. NaN is never better. */
export const betterOf = (best: HeldOut | undefined, candidate: HeldOut): HeldOut | undefined =>
  Number.isNaN(candidate.loss) || (best !== undefined && best.loss <= candidate.loss) ? best : candidate
