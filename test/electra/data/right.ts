/** The value of a computation that a test expects to succeed. */

import { isLeft, type Either } from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'

export const right = <E, A>(result: Either<E, A>): A => {
  if (isLeft(result)) throw new Error(`expected a right, found ${JSON.stringify(result.left)}`)
  return result.right
}

export const rightOf = async <E, A>(task: TaskEither<E, A>): Promise<A> => right(await task())

/** The error of a computation that a test expects to fail. */
export const left = <E, A>(result: Either<E, A>): E => {
  if (isLeft(result)) return result.left
  throw new Error('expected a left, found a right')
}
