/**
 * The directory that a run lives in:
 *
 *     config.json      the configuration, resolved
 *     metrics.jsonl    a line for each step and each evaluation
 *     checkpoints/     the last few, and the best by held-out loss
 *
 * Of several ranks the first one reads and writes it, and the others do neither.
 */

import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as O from 'fp-ts/lib/Option.js'
import type { Task } from 'fp-ts/lib/Task.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Ranks } from '../../workers/index.js'
import { canonicalJson } from '../store/canonical-json.js'
import { checkpointPath, latestCheckpoint, saveCheckpoint, type Checkpoint, type Found } from '../store/checkpoint.js'
import type { RunIdentity } from '../store/checkpoint-state.js'
import type { StoreError } from '../store/errors.js'
import { removeLeftovers } from '../store/files.js'
import { checkResume } from '../store/resume.js'
import { metricsFile, type From, type MetricsFile } from './metrics-file.js'

export type DirectoryOptions = {
  readonly out: string
  readonly keepCheckpoints: number
  /** Continue from the last checkpoint in `out`; without it, `out` must hold none. */
  readonly resume: boolean
}

export type DirectoryError =
  | StoreError
  /** `out` already holds a run, and `resume` was not asked for. */
  | { readonly _tag: 'RunExists'; readonly out: string; readonly step: number }
  /** `resume` was asked for, and there is nothing to resume. */
  | { readonly _tag: 'NothingToResume'; readonly out: string }

export type RunDirectory = {
  /** Whether it is this rank that writes it. */
  readonly isOurs: boolean
  /** The checkpoint to start from: none for a new run. */
  readonly start: TE.TaskEither<DirectoryError, O.Option<Found>>
  /** Opens the metrics, and writes the configuration beside them. */
  readonly metrics: (from: From) => TE.TaskEither<StoreError, MetricsFile>
  /** Writes the checkpoint of a step, and gives its path. */
  readonly save: (step: number, checkpoint: Task<Checkpoint>) => TE.TaskEither<StoreError, string>
}

const startOf = (
  checkpoints: string,
  { out, resume }: DirectoryOptions,
  identity: RunIdentity
): RunDirectory['start'] =>
  pipe(
    removeLeftovers(checkpoints),
    TE.chainW(() => latestCheckpoint(checkpoints)),
    TE.chainEitherKW((found): E.Either<DirectoryError, O.Option<Found>> => {
      if (O.isNone(found)) return resume ? E.left({ _tag: 'NothingToResume', out }) : E.right(found)
      const { progress } = found.value.checkpoint
      if (!resume) return E.left({ _tag: 'RunExists', out, step: progress.step })
      return pipe(
        checkResume(identity, progress),
        E.map(() => found)
      )
    })
  )

/** The directory of a run as this rank sees it. */
export const runDirectory = (options: DirectoryOptions, identity: RunIdentity, { rank }: Ranks): RunDirectory => {
  const { out, keepCheckpoints } = options
  const checkpoints = join(out, 'checkpoints')
  return rank === 0
    ? {
        isOurs: true,
        start: startOf(checkpoints, options, identity),
        metrics: (from) => metricsFile(out, from, `${canonicalJson(identity.config, 2)}\n`),
        save: (_, checkpoint) =>
          pipe(
            TE.fromTask(checkpoint),
            TE.chain((whole) => saveCheckpoint(checkpoints, whole, { keep: keepCheckpoints }))
          )
      }
    : {
        isOurs: false,
        start: TE.right(O.none),
        metrics: () => TE.right({ append: () => TE.right(undefined) }),
        save: (step) => TE.right(checkpointPath(checkpoints, step))
      }
}
