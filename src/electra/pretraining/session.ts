/** A pre-training in memory, for whoever takes its steps by hand. */

import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { FoldMaker } from '../../workers/index.js'
import type { Problem } from '../training/problem.js'
import { openSession, type Session, type SessionError } from '../training/session.js'
import { pretrainingProblem, type RunSettings } from './problem.js'

/**
 * Prepares a pre-training, with freshly initialised parameters: see `openSession`.
 *
 * @example
 * pipe(
 *   pretrainingSession({ config, corpus, seed: 0, totalSteps: 60 })(pooledFold(pool)),
 *   TE.chain((session) => session.step(0))
 * )
 */
export const pretrainingSession =
  (settings: RunSettings) =>
  (folds: FoldMaker): TE.TaskEither<SessionError, Session> =>
    pipe(
      TE.fromEither<SessionError, Problem>(pretrainingProblem(settings)),
      TE.chain((problem) => openSession(problem)(folds))
    )
