/** What commands write, and how they fail where they cannot. */

import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { showStoreError, type StoreError } from '../store/errors.js'
import { failedWith, type Failure } from './outcome.js'

export const stored = <A>(task: TE.TaskEither<StoreError, A>): TE.TaskEither<Failure, A> =>
  pipe(task, TE.mapLeft(failedWith(showStoreError)))

export const textOf = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`
