/**
 * What the ranks of a run make sure that they have alike, before they train together and where the first has found something.
 */

import { deserialize, serialize } from 'node:v8'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Ranks, WorkerError } from '../../workers/index.js'
import { shareBytes, together } from '../../workers/ranks/ranks.js'
import { canonicalJson } from '../store/canonical-json.js'
import type { RunIdentity } from '../store/checkpoints/checkpoint-state.js'

/** What rank 0 has, plain data, on every rank. */
export const shareFirst =
  (ranks: Ranks) =>
  <A>(data: A): TE.TaskEither<WorkerError, A> =>
    pipe(
      shareBytes(ranks)(serialize(data)),
      TE.map((bytes) => deserialize(bytes) as A)
    )

/** What ranks must have been given alike: otherwise they would train different models, or meet for different things. */
export type Common = { readonly identity: RunIdentity; readonly checkpointEvery: number }

export const checkCommon = (ranks: Ranks, common: Common): TE.TaskEither<WorkerError, void> => {
  const mine = canonicalJson({ ...common })
  return pipe(
    shareBytes(ranks)(new TextEncoder().encode(mine)),
    TE.chain((first) =>
      together(ranks)(
        new TextDecoder().decode(first) === mine
          ? TE.right(undefined)
          : TE.left<WorkerError>({
              _tag: 'RanksDiffer',
              what: 'the configuration, data, seed, number of steps or of steps between checkpoints'
            })
      )
    )
  )
}
