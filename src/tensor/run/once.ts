/** An effect that is carried out until it succeeds, and from then on gives what it gave. */

import * as E from 'fp-ts/lib/Either.js'
import type { IOEither } from 'fp-ts/lib/IOEither.js'

export const once = <Failure, A>(make: IOEither<Failure, A>): IOEither<Failure, A> => {
  let made: E.Right<A> | undefined
  return () => {
    if (made !== undefined) return made
    const result = make()
    if (E.isRight(result)) made = result
    return result
  }
}
